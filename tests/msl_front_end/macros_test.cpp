// Macros of the user's with the names of whatever the library writes: keywords, attributes, everything in its headers.
#include "msl/embedded_files.hpp"
#include "msl/keyword_macros.hpp"
#include "msl/tokens.hpp"
#include "msl_front_end/support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

namespace {

using anymetal::msl::ParsedSource;
using front_end::request;
using Words = std::set<std::string, std::less<>>;

/// The words of a text that a macro may be named after.
Words words_of(std::string_view text) {
  Words words;
  for (const auto& token : anymetal::msl::tokenize(text)) {
    if (token.kind == anymetal::msl::TokenKind::Identifier) words.emplace(text.substr(token.begin, token.end - token.begin));
  }
  for (const char* no_name : {"defined", "and", "or", "not", "xor", "bitand", "bitor", "compl", "and_eq", "or_eq", "xor_eq", "not_eq", "__VA_ARGS__", "__VA_OPT__", "_Pragma"}) {
    words.erase(no_name);
  }
  // `#ifdef` and `__has_include` of headers ask for these; a macro of such a name is a question of its own.
  std::erase_if(words, [](const std::string& w) { return w.starts_with("__MSL") || w.starts_with("__msl") || w.starts_with("__METAL") || w.starts_with("__NV"); });
  return words;
}

Words library_words() {
  Words all;
  for (const auto& header : anymetal::msl::embedded_headers()) all.merge(words_of(header.text));
  return all;
}

constexpr auto& kKeywords = anymetal::msl::kKeywordMacros;

constexpr std::string_view kHeaders = "#include <metal_stdlib>\n#include <metal_tensor>\n#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>\n#include <simd/simd.h>\n#include <anymetal_nvidia>\n";

/// Uses the attributes, qualifiers and pragmas that the pre-pass rewrites, and macros of the library's.
constexpr std::string_view kProgram = R"(
constant int n [[function_constant(0)]];
constant int twice = n * 2;
constant bool has_extra [[function_constant(1)]];
struct box_t { float v; METAL_FUNC float get() const thread { return v; } float get() const constant { return v + 1; } };
#pragma METAL fp math_mode(safe)
template <typename T> [[max_total_threads_per_threadgroup(64)]] kernel void scale(
    device T* o [[buffer(0)]], constant box_t& b [[buffer(1)]], device T* extra [[buffer(2), function_constant(has_extra)]],
    threadgroup T* shared [[threadgroup(0)]], uint i [[thread_position_in_grid]], constant const int shape[2] [[buffer(3)]]) {
  threadgroup T rows[n * 2][4];
  box_t own = {1.0h};
  rows[i % 2][0] = o[i];
  if (is_function_constant_defined(has_extra)) o[i] += M_PI_F + INFINITY;
  o[i] += rows[1][0] + own.get() + b.get() + shape[1] + twice + FLT_MAX;
}
template [[host_name("scale_float")]] kernel void scale<float>(device float*, constant box_t&, device float*, threadgroup float*, uint, constant const int*);
)";

class UsersMacros : public testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] static std::string defined(const Words& words) {
    std::string text;
    for (const std::string& word : words) text += "#define " + word + GetParam() + "\n";
    return text;
  }
  static void expect_compiles(const std::string& text) {
    const auto source = ParsedSource::parse(request(text));
    ASSERT_TRUE(source) << source.error().message();
    const std::array<anymetal::FunctionConstant, 2> constants = {{{0U, 2}, {1U, true}}};
    for (const std::string& name : (*source)->entry_names()) {
      const auto entry = (*source)->entry(name, constants);
      EXPECT_TRUE(entry) << entry.error().message();
    }
    EXPECT_FALSE((*source)->entry_names().empty());
  }
};

TEST_P(UsersMacros, BeforeTheHeadersLeaveThemAlone) {
  Words words = library_words();
  for (const std::string_view keyword : kKeywords) words.erase(words.find(keyword));
  EXPECT_GT(words.size(), 1000U);
  std::string text = defined(words) + std::string(kHeaders);
  for (const std::string& word : words) text += "#ifndef " + word + "\n#error " + word + " is gone\n#endif\n#undef " + word + "\n";
  // Anew, what the library's own macros would be without the user's.
  text += "#include <metal_stdlib>\nusing namespace metal;\n";
  text += R"(kernel void f(device float* o, uint i [[thread_position_in_grid]]) {
  auto t = tensor(o, dextents<int, 2>(4, 2), array<int, 2>({1, 4}));
  simd_float4 v = t[1, 1] + max(o[i], 1.0f);
  t.slice(1, 0).set(v.x + nvidia::nearest_int(v.y), 0, 0);
})";
  expect_compiles(text);
}

TEST_P(UsersMacros, AfterTheHeadersLeaveWhatThePrepassWritesAlone) {
  Words words = library_words();
  for (const auto& used : words_of(kProgram)) words.erase(used);
  expect_compiles(std::string(kHeaders) + defined(words) + std::string(kProgram));
  expect_compiles(defined(words) + std::string(kHeaders) + std::string(kProgram));
}

INSTANTIATE_TEST_SUITE_P(Kinds, UsersMacros, testing::Values(" ~3 nonsense {", "(...) ~3 nonsense {", "(x) x", " "));

TEST(Macros, OfKeywordsAreThoseThatTheLibraryDefines) {
  const auto& headers = anymetal::msl::embedded_headers();
  const auto keywords = std::ranges::find(headers, "prelude/keywords.h", [](const auto& header) { return std::string_view(header.name); });
  ASSERT_NE(keywords, headers.end());
  std::istringstream text{std::string(keywords->text)};
  std::set<std::string> defined;
  for (std::string line; std::getline(text, line);) {
    constexpr std::string_view kDefine = "#define ";
    if (!line.starts_with(kDefine)) continue;
    const std::string name = line.substr(kDefine.size(), line.find_first_of(" (", kDefine.size()) - kDefine.size());
    // What a source does not write begins with `__`; the query is no keyword.
    if (!name.starts_with("__") && name != "is_function_constant_defined") defined.insert(name);
  }
  EXPECT_EQ(defined, std::set<std::string>(kKeywords.begin(), kKeywords.end()));
}

TEST(UsersMacrosOfOptions, LeaveTheLibraryAlone) {
  auto r = request("#include <metal_tensor>\n#include <metal_stdlib>\nusing namespace metal;\nkernel void f(device T* o [[buffer(0)]], uint i [[thread_position_in_grid]]) { o[i] = value(N); }");
  r.options.defines = {{"T", "float"}, {"N", "7"}, {"annotate(x)", "x"}, {"value(x)", "x"}, {"size", "3"}, {"__attribute__(x)", ""}};
  const auto source = ParsedSource::parse(r);
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_TRUE((*source)->entry("f"));
}

TEST(UsersMacrosOfOptions, MayHoldWhatSourcesMay) {
  auto r = request("#include <metal_stdlib>\nusing namespace metal;\nconstant bool quick FLAG(0);\nKERNEL void f(SPACE half* o SLOT, uint i TID) { o[i] = quick ? SCALE : half(HALF); }");
  r.options.defines = {{"TID", "[[thread_position_in_grid]]"}, {"SLOT", "[[buffer(2)]]"}, {"KERNEL", "[[kernel]]"}, {"SPACE", "device"},
                       {"FLAG(n)", "[[function_constant(n)]]"}, {"SCALE", "0.5h"}, {"HALF", "(0.5bf * 2.0f)"}};
  const auto source = ParsedSource::parse(r);
  ASSERT_TRUE(source) << source.error().message();
  const auto entry = (*source)->entry("f");
  ASSERT_TRUE(entry) << entry.error().message();
  ASSERT_EQ((*entry)->reflection.arguments.size(), 1U);
  EXPECT_EQ((*entry)->reflection.arguments[0].index, 2U);
  ASSERT_EQ((*entry)->constants.size(), 1U);
  EXPECT_EQ((*entry)->constants[0].name, "quick");
}

TEST(UsersMacrosOfTheLibrarysNames, AreTheUsersAfterAHeaderToo) {
  const auto source = ParsedSource::parse(request(R"(#include <metal_stdlib>
#undef METAL_FUNC
#define METAL_FUNC constexpr int
#undef M_PI_F
#define INFINITY 3
#include <metal_tensor>
#include <simd/simd.h>
#ifdef M_PI_F
#error back
#endif
METAL_FUNC three() { return INFINITY; }
static_assert(three() == 3);
kernel void f(device int* o) { o[0] = three(); }
)"));
  EXPECT_TRUE(source) << source.error().message();
}

TEST(UsersMacrosAsAttributes, NameThem) {
  const auto source = ParsedSource::parse(request(R"(#include <metal_stdlib>
#define TID thread_position_in_grid
#define SLOT(n) buffer(n + 1)
#define LOCAL threadgroup
#define NAME(n) host_name(#n "_x")
#define LIMIT max_total_threads_per_threadgroup(64)
template <typename T> [[LIMIT]] kernel void f(device T* o [[SLOT(2)]], threadgroup T* s [[LOCAL(1)]], uint i [[TID]]) { o[i] = *s; }
template [[NAME(f_float)]] kernel void f<float>(device float*, threadgroup float*, uint);
)"));
  ASSERT_TRUE(source) << source.error().message();
  ASSERT_EQ((*source)->entry_names().size(), 1U);
  EXPECT_EQ((*source)->entry_names()[0], "f_float_x");
  const auto entry = (*source)->entry("f_float_x");
  ASSERT_TRUE(entry) << entry.error().message();
  EXPECT_EQ((*entry)->reflection.arguments.at(0).index, 3U);
  EXPECT_EQ((*entry)->reflection.arguments.at(1).index, 1U);
  EXPECT_EQ((*entry)->reflection.max_total_threads, 64U);
}

TEST(UsersMacrosAsAttributes, ThatAreNoneAreNamedInTheError) {
  const auto source = ParsedSource::parse(request("kernel void f(device int* o, unsigned i [[TID]]) {}\n"));
  const auto entry = source ? (*source)->entry("f") : std::unexpected(source.error());
  ASSERT_FALSE(entry);
  ASSERT_EQ(entry.error().diagnostics().size(), 1U);
  EXPECT_EQ(entry.error().diagnostics()[0].message, "'TID' is not an attribute of kernel parameters");
  EXPECT_EQ(entry.error().diagnostics()[0].column, 43U);
}

TEST(UsersMacrosOfKeywords, LeaveTheKeywordWhenTheyGo) {
  const auto source = ParsedSource::parse(request(R"(#include <metal_stdlib>
#undef kernel
#define device nonsense
#undef device
#define constant
#undef constant
#define thread(x) x
#undef thread
#if 0
#undef threadgroup
#endif
#define coherent wrong
#   undef coherent  // back
constant int n = 3;
void set(thread int& x, threadgroup int* y) { x = *y; }
kernel void f(device int* o, device coherent int* c) { threadgroup int t; int i; set(i, &t); o[0] = i + n + *c; }
)"));
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_TRUE((*source)->entry("f"));
  EXPECT_TRUE((*source)->warnings().empty());
}

TEST(UsersMacrosOfKeywords, AreTheUsersUntilThen) {
  const auto source = ParsedSource::parse(request("#define device threadgroup\nvoid g(threadgroup int* p);\nvoid f(device int* p) { g(p); }\n#undef device\nvoid h(device int* p) { g(p); }\n"));
  ASSERT_FALSE(source);
  ASSERT_FALSE(source.error().diagnostics().empty());
  EXPECT_EQ(source.error().diagnostics()[0].line, 5U);
}

TEST(ClangsWords, AreNoneOfMetals) {
  for (const std::string word : {"__global", "__local", "__private", "__generic"}) {
    for (const std::string& text : {"void f(" + word + " int* p) {}", "struct S { int f() const " + word + "; };", "#define JOIN(a, b) a##b\nvoid f(JOIN(__, " + word.substr(2) + ") int* p);"}) {
      const auto source = ParsedSource::parse(request(text));
      ASSERT_FALSE(source) << text;
      EXPECT_TRUE(source.error().diagnostics().at(0).message.starts_with(word + " is no word of Metal")) << source.error().message();
    }
  }
}

}  // namespace
