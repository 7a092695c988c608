#include "fuzz/mutator.hpp"

#include "msl/tokens.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace fuzz {
namespace {

using anymetal::msl::Token;
using anymetal::msl::TokenKind;

constexpr std::array<std::string_view, 30> kTypes = {
    "float",  "half",   "bfloat", "int",     "uint",   "short",    "uchar",   "ulong",     "bool",       "float4",
    "half4",  "int2",   "uint3",  "bool4",   "char4",  "float3x3", "half2x4", "packed_float3", "atomic_uint", "simdgroup_float8x8",
    "vec<float, 8>", "array<int, 4>", "auto", "T", "void", "double", "texture2d<float>", "matrix<bfloat, 4, 4>", "S", "decltype(x)"};
constexpr std::array<std::string_view, 22> kLiterals = {
    "0",          "1",    "-1",        "31",     "32",    "0x7fffffff", "0xffffffffu", "4294967296", "1.0f", "0.5h",
    "1.0bf",      "1e38", "INFINITY",  "NAN",    "true",  "1u << 31",   "1073741824",  "65536",      "'a'",  "\"s\"",
    "9223372036854775807", "nullptr"};
constexpr std::array<std::string_view, 27> kOperators = {"+",  "-",  "*",  "/", "%", "<<", ">>", "&", "|", "^", "&&", "||", "==", "<",
                                                         ">",  "=",  "+=", "?", ":", ".",  "->", ",", ";", "(", ")",  "[",  "]"};
constexpr std::array<std::string_view, 40> kStatements = {
    "threadgroup_barrier(mem_flags::mem_threadgroup);",
    "simdgroup_barrier(mem_flags::mem_none);",
    "{ float x = simd_sum(1.0f); (void)x; }",
    "for (int i = 0; i < 4; ++i) { ",
    "} ",
    "if (simd_is_first()) return;",
    "return;",
    "threadgroup float shared[32];",
    "int x = 0;",
    "float4 v = {1, 2, 3};",
    "v.xy = v.zw;",
    "{ float4x4 m(1.0f); m[1][2] = 3; }",
    "simdgroup_float8x8 a, b, c; simdgroup_multiply_accumulate(c, a, b, c);",
    "auto l = [&](auto q) { return q + 1; };",
    "while (true) {}",
    "switch (x) { case 0: break; default: x = 1; }",
    "#pragma unroll\n",
    "#pragma unroll 1048576\n",
    "goto e; e:;",
    "asm(\"nop\");",
    "__builtin_trap();",
    "static int n = 0;",
    "int a[x];",
    "throw 1;",
    "as_type<uint>(1.0f);",
    "(void)select(1.0f, 2.0f, true);",
    "static_assert(sizeof(float3) == 16, \"\");",
    "using U = remove_cv_t<const int>;",
    "x = x / 0;",
    "x <<= 40;",
    "do { --x; } while (x > 0);",
    "const constant float* p = nullptr;",
    "atomic_fetch_add_explicit((device atomic_uint*)0, 1u, memory_order_relaxed);",
    "if constexpr (sizeof(int) == 4) { x = 1; } else { y = 1; }",
    "struct L { int a; } l2 = {1};",
    "union { uint u; float f; } w; w.f = 1;",
    "x = simd_shuffle(x, ushort(1));",
    "x = popcount(x) + clz(x);",
    "x = int(fast::exp(float(x)));",
    "f<float>(nullptr);"};
constexpr std::array<std::string_view, 34> kDeclarations = {
    "constant int n [[function_constant(0)]];",
    "constant bool flag [[function_constant(1)]];",
    "constant int derived = n * 2 + 1;",
    "constant float table[4] = {1, 2, 3, 4};",
    "struct S { float a; int b[2]; half4 c; };",
    "template <typename T> struct Box { T v; T get() const thread { return v; } };",
    "template <typename T> T id(T x) { return x; }",
    "template <int N> struct R { static int v() { return R<N - 1>::v() + 1; } };",
    "template <> struct R<0> { static int v() { return 0; } };",
    "template <int N> struct Deep { static int v() { return Deep<N + 1>::v(); } };",
    "template <typename T> kernel void f(device T* o [[buffer(0)]], uint i [[thread_position_in_grid]]) { o[i] = T(1); }",
    "template [[host_name(\"f_float\")]] kernel void f<float>(device float*, uint);",
    "template [[host_name(\"f_half\")]] kernel decltype(f<half>) f<half>;",
    "kernel void k2(device float* o [[buffer(0)]], constant int& m [[buffer(1)]], uint i [[thread_position_in_grid]]) { o[i] = m; }",
    "kernel void k3(device int* o, threadgroup int* s [[threadgroup(0)]], ushort t [[thread_index_in_threadgroup]]) { s[t] = o[t]; threadgroup_barrier(mem_flags::mem_threadgroup); o[t] = s[t ^ 1]; }",
    "float helper(device const float* p) { return p[0]; }",
    "float helper(threadgroup const float* p) { return p[1]; }",
    "#define TWICE(x) x x\n",
    "#define M(a, b) a##b #a\n",
    "#if 1\n",
    "#endif\n",
    "#include <metal_stdlib>\n",
    "#include \"none.h\"\n",
    "#pragma METAL fp math_mode(safe)\n",
    "#line 7 \"x.metal\"\n",
    "using namespace metal;",
    "namespace a { namespace b { constant int c = 1; } }",
    "enum class E : uint { A, B };",
    "typedef float4 quad_t;",
    "extern \"C\" float powf(float, float);",
    "int rec(int n) { return n < 1 ? n : rec(n - 1) + rec(n - 2); }",
    "constexpr int loop(int n) { int s = 0; while (n > 0) { s += n; --n; } return s; }",
    "static_assert(loop(1 << 30) > 0, \"\");",
    "typedef float huge __attribute__((ext_vector_type(4096)));"};

constexpr std::array<std::string_view, 16> kNumbers = {"0", "1", "2", "3", "4", "7", "8", "16", "31", "32", "33", "64", "255", "1000", "4096", "65536"};
constexpr std::array<std::string_view, 5> kArithmetic = {"+", "-", "/", "%", "|"};
constexpr std::array<std::string_view, 12> kScalars = {"int", "uint", "float", "half", "bfloat", "short", "ushort", "char", "uchar", "long", "ulong", "bool"};

class Mutator {
 public:
  Mutator(std::string_view text, std::string_view other, Random& random) : text_(text), other_(other), random_(random) {}

  std::string run() {
    const std::size_t steps = 1 + below(3);
    const bool is_gentle = below(2) == 0;
    for (std::size_t i = 0; i < steps; ++i) {
      tokens_ = anymetal::msl::tokenize(text_);
      if (is_gentle) gentle_step();
      else step();
    }
    return std::move(text_);
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random_() % n); }
  template <std::size_t N>
  std::string_view any(const std::array<std::string_view, N>& words) {
    return words[below(N)];
  }
  [[nodiscard]] std::string_view spelling(const Token& t) const { return std::string_view(text_).substr(t.begin, t.end - t.begin); }

  void replace(const Token& t, std::string_view with) { text_.replace(t.begin, t.end - t.begin, with); }

  void step() {
    if (tokens_.empty()) {
      text_ += any(kDeclarations);
      return;
    }
    const Token& t = tokens_[below(tokens_.size())];
    switch (below(12)) {
      case 0: return replace(t, "");
      case 1: return replace(t, std::string(spelling(t)) + ' ' + std::string(spelling(t)));
      case 2: return exchange(t);
      case 3: return replace(t, spelling(tokens_[below(tokens_.size())]).empty() ? "" : std::string(spelling(tokens_[below(tokens_.size())])));
      case 4: return insert_after(";", kStatements);
      case 5: return insert_after("{", kStatements);
      case 6: return insert_after("}", kDeclarations);
      case 7: return splice();
      case 8: return group(true);
      case 9: return group(false);
      case 10: return replace(t, any(kTypes));
      default: return byte();
    }
  }

  /// A change that a program often survives, so that its code is generated: another number, operator or type.
  void gentle_step() {
    constexpr std::size_t kTries = 64;
    for (std::size_t i = 0; i < kTries && !tokens_.empty(); ++i) {
      const Token& t = tokens_[below(tokens_.size())];
      if (t.directive != 0) continue;
      if (t.kind == TokenKind::Number) return replace(t, any(kNumbers));
      if (std::ranges::find(kArithmetic, spelling(t)) != kArithmetic.end()) return replace(t, any(kArithmetic));
      if (std::ranges::find(kScalars, spelling(t)) != kScalars.end()) return replace(t, any(kScalars));
    }
  }

  /// One of the token's own kind.
  void exchange(const Token& t) {
    if (t.kind == TokenKind::Number) return replace(t, any(kLiterals));
    if (t.kind == TokenKind::Punctuator) return replace(t, any(kOperators));
    for (const std::string_view type : kTypes) {
      if (type == spelling(t)) return replace(t, any(kTypes));
    }
    const auto identifiers = std::ranges::count(tokens_, TokenKind::Identifier, &Token::kind);
    auto wanted = below(static_cast<std::size_t>(identifiers));
    for (const Token& candidate : tokens_) {
      if (candidate.kind == TokenKind::Identifier && wanted-- == 0) return replace(t, std::string(spelling(candidate)));
    }
  }

  template <std::size_t N>
  void insert_after(std::string_view mark, const std::array<std::string_view, N>& parts) {
    std::vector<std::size_t> places;
    for (const Token& t : tokens_) {
      if (spelling(t) == mark) places.push_back(t.end);
    }
    const std::string_view part = any(parts);
    text_.insert(places.empty() ? text_.size() : places[below(places.size())], '\n' + std::string(part) + '\n');
  }

  /// A run of the other program's tokens.
  void splice() {
    const auto theirs = anymetal::msl::tokenize(other_);
    if (theirs.empty()) return;
    const std::size_t first = below(theirs.size());
    const std::size_t last = std::min(theirs.size() - 1, first + below(24));
    const Token& at = tokens_[below(tokens_.size())];
    text_.insert(at.end, ' ' + std::string(other_.substr(theirs[first].begin, theirs[last].end - theirs[first].begin)) + ' ');
  }

  /// Drops or doubles what stands in one pair of brackets.
  void group(bool doubled) {
    std::vector<std::size_t> open;
    std::vector<std::pair<std::size_t, std::size_t>> groups;
    for (const Token& t : tokens_) {
      const std::string_view s = spelling(t);
      if (s == "(" || s == "{" || s == "[") open.push_back(t.begin);
      if ((s != ")" && s != "}" && s != "]") || open.empty()) continue;
      groups.emplace_back(open.back(), t.end);
      open.pop_back();
    }
    if (groups.empty()) return;
    const auto [begin, end] = groups[below(groups.size())];
    if (doubled) text_.insert(end, text_.substr(begin, end - begin));
    else text_.erase(begin, end - begin);
  }

  void byte() {
    if (text_.empty()) return;
    text_[below(text_.size())] = static_cast<char>(random_());
  }

  std::string text_;
  std::string_view other_;
  Random& random_;
  std::vector<Token> tokens_;
};

}  // namespace

std::string mutate(std::string_view text, std::string_view other, std::size_t longest, Random& random) {
  std::string mutant = Mutator(text, other, random).run();
  if (mutant.size() > longest) mutant.resize(longest);
  return mutant;
}

}  // namespace fuzz
