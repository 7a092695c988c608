// No text crashes the front end; sources are parsed by many threads at once; files come only from where they may.
#include "msl_front_end/support.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace {

using anymetal::msl::ParsedSource;
using front_end::kHead;
using front_end::request;

std::string repeated(const std::string& text, int n) {
  std::string all;
  for (int i = 0; i < n; ++i) all += text;
  return all;
}

/// Structs of which each holds two of the one before.
std::string doubling_structs(int n) {
  std::string text;
  for (int i = 1; i <= n; ++i) {
    const std::string before = "A" + std::to_string(i - 1);
    text += "struct A" + std::to_string(i) + " { " + before + " a, b; };\n";
  }
  return text;
}

struct Hostile {
  const char* name;
  std::string text;
};

class HostileText : public testing::TestWithParam<Hostile> {};

TEST_P(HostileText, EndsInAValue) {
  const auto source = ParsedSource::parse(request(GetParam().text));
  if (source) {
    for (const std::string& name : (*source)->entry_names()) (void)(*source)->entry(name);
    return;
  }
  EXPECT_FALSE(source.error().diagnostics().empty());
  for (const anymetal::Diagnostic& d : source.error().diagnostics()) {
    EXPECT_FALSE(d.message.starts_with("the compiler crashed")) << d.message;
    EXPECT_TRUE(d.severity != anymetal::Severity::Error || d.line != 0) << d.message;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, HostileText,
    testing::Values(Hostile{"Empty", ""}, Hostile{"EmbeddedNul", std::string("kernel void f(device int* o) { o[0] = 1;\0 }", 43)},
                    Hostile{"InvalidUtf8", "constant int \xff\xfe = 1; // \xc3\x28"}, Hostile{"UnterminatedComment", "/* kernel void"},
                    Hostile{"UnterminatedString", "constant char c = \"abc"}, Hostile{"UnterminatedRawString", "R\"x(abc"},
                    Hostile{"UnterminatedAttribute", "kernel void f(device int* o [[buffer(0)"}, Hostile{"LoneBrackets", "[[ ]] [[ [[a] ]"},
                    Hostile{"UnterminatedConditional", "#if 1\nkernel void f(device int* o) {}"}, Hostile{"LoneEndif", "#endif"},
                    Hostile{"LoneBackslash", "#define A \\"}, Hostile{"DefineWithoutName", "#define\n#define (\n#define A("},
                    Hostile{"DeepParentheses", "constant int x = " + repeated("(", 5000) + "1" + repeated(")", 5000) + ";"},
                    Hostile{"DeepBraces", "void f() " + repeated("{", 5000) + repeated("}", 5000)},
                    Hostile{"DeepTemplates", "template <int N> struct R { static int v() { return R<N + 1>::v(); } };\nkernel void f(device int* o) { o[0] = R<0>::v(); }"},
                    Hostile{"LongSum", "constant int x = 1" + repeated(" + 1", 20000) + ";"},
                    Hostile{"AttributeInOddPlace", "[[buffer(0)]]; int [[buffer]] x [[host_name]]; kernel void f([[buffer(0)]] device int* o) {}"},
                    Hostile{"WideSum", "constant int x = " + repeated("(1 + ", 200) + "1" + repeated(")", 200) + ";"},
                    Hostile{"GiganticInteger", "constant int x = " + repeated("9", 100000) + ";"},
                    Hostile{"GiganticString", "constant char x[] = \"" + repeated("a", 1 << 20) + "\";"},
                    Hostile{"GiganticArray", "constant int x[1 << 30][1 << 30] = {};\nkernel void f(device int* o) { int y[1 << 30][1 << 30]; o[0] = x[0][o[0]] + y[1][o[1]]; }"},
                    Hostile{"GiganticType", "struct A0 { int a[1024]; };" + doubling_structs(60) + "kernel void f(device int* o) { A60 x; o[0] = sizeof(x); }"},
                    Hostile{"GiganticVector", "typedef float v __attribute__((ext_vector_type(1 << 20)));\nkernel void f(device v* o) { o[0] += o[1] * o[2]; }"},
                    Hostile{"UnrolledForever", "kernel void f(device int* o) {\n#pragma unroll 1048576\nfor (int i = 0; i < 1048576; ++i) o[i] = i * o[i + 1];\n}"},
                    Hostile{"BrokenUnrollCount", "template <short N> void g(device int* o) {\n#pragma unroll(4 * * N)\nfor (short k = 0; k < N; ++k) o[k] = k;\n}\nkernel void f(device int* o) { g<8>(o); }"},
                    Hostile{"UnrollCountAmongErrors", "template <short N> void g(device int* o) {\nconst short chunks = 4; float s / 0;\n#pragma unroll(chunks)\nfor (short k = 0; k < chunks; ++k) o[k] = k;\n#pragma unroll texture2d<float> MIN(N / 2, 4 * N))\nfor (short k = 0; k < N; ++k) o[k] = s;\n}\nkernel void f(device int* o) { g<8>(o); }"},
                    Hostile{"WhileLoopUnrolledForever", "kernel void f(device int* o) {\n#pragma unroll 1048576\nwhile (o[1] > o[2]) { o[1] += o[3]; if (o[4] > o[1]) return; }\n}"},
                    Hostile{"EndlessLoop", "kernel void f(device int* o) { while (true) {} }"},
                    Hostile{"EndlessConstant", "constexpr int f() { while (true) {} return 1; }\nconstant int x = f();\nstatic_assert(f(), \"\");"},
                    Hostile{"ConstructorOfAConstant", "struct S { int a; S(int x) : a(x / 0) {} };\nconstant S s(3);\nkernel void f(device int* o) { o[0] = s.a; }"},
                    Hostile{"PushedMacros", repeated("#pragma push_macro(\"kernel\")\n", 1000) + "#undef kernel\n#pragma pop_macro(\"kernel\")\nkernel void f(device int* o) {}"},
                    Hostile{"CommentPragma", "#pragma comment(lib, \"c\")\nkernel void f(device int* o) { o[0] = 1; }"},
                    Hostile{"TemplateInAFunction", "void g() { auto f = []<typename T(T x) { return x; }; template <int N> struct S; }"},
                    Hostile{"ModuleImport", "import std;\nexport module x;\nmodule;"},
                    Hostile{"PercentInNames", "[[host_name(\"%0%1%s\")]] kernel void f(device int* o) {}\n[[host_name(\"%0%1%s\")]] kernel void g(device int* o) {}"},
                    Hostile{"TemplateAtEnd", "template"}, Hostile{"OnlyCarriageReturns", "\r\r\r"}, Hostile{"ByteOrderMark", "\xef\xbb\xbfkernel void f(device int* o) {}"}),
    [](const auto& hostile) { return hostile.param.name; });

TEST(Encodings, CarriageReturnsEndLines) {
  const auto source = ParsedSource::parse(request("// a comment\r\rkernel void f(device int* o [[buffer(0)]]) { o[0] = x; }\r"));
  ASSERT_FALSE(source);
  ASSERT_EQ(source.error().diagnostics().size(), 1U);
  EXPECT_EQ(source.error().diagnostics()[0].line, 3U);
  EXPECT_EQ(source.error().diagnostics()[0].source_line, "kernel void f(device int* o [[buffer(0)]]) { o[0] = x; }");
}

TEST(Encodings, TwoBytesACharacterAreNamed) {
  const auto source = ParsedSource::parse(request(std::string("\xff\xfe/\0/\0\n\0", 8)));
  ASSERT_FALSE(source);
  EXPECT_THAT(source.error().message(), testing::HasSubstr("UTF-16: save it as UTF-8"));
}

TEST(Threads, ParseDifferentSourcesAtOnce) {
  constexpr int kThreads = 8;
  std::vector<std::string> results(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([t, &results] {
        const std::string name = "k" + std::to_string(t);
        const auto source = ParsedSource::parse(request(std::string(kHead) + "kernel void " + name + "(device float* o) { o[0] = exp(o[0]) * " + std::to_string(t) + "; }"));
        const auto entry = source ? (*source)->entry(name) : std::unexpected(source.error());
        const auto kernel = entry ? specialise(**entry, {}) : std::unexpected(entry.error());
        results[static_cast<std::size_t>(t)] = kernel ? kernel->reflection.name : kernel.error().message();
      });
    }
  }
  for (int t = 0; t < kThreads; ++t) EXPECT_EQ(results[static_cast<std::size_t>(t)], "k" + std::to_string(t));
}

TEST(Threads, ShareOneSource) {
  std::string text = kHead;
  for (int i = 0; i < 4; ++i) text += "kernel void k" + std::to_string(i) + "(device int* o) { o[0] = " + std::to_string(i) + "; }\n";
  const auto source = ParsedSource::parse(request(text));
  ASSERT_TRUE(source);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] { EXPECT_TRUE((*source)->entry("k" + std::to_string(t % 4))); });
  }
}

TEST(Includes, VirtualFilesAndDirectoriesOnly) {
  auto r = request("#include \"parts/scale.h\"\n#include \"from_disk.h\"\nkernel void f(device float* o) { o[0] = kScale + kDisk; }");
  r.options.include_files = {{"parts/scale.h", "#pragma once\nconstant float kScale = 2;\n"}};
  const auto directory = std::filesystem::temp_directory_path() / "anymetal_front_end_includes";
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "from_disk.h") << "constant float kDisk [[function_constant(1)]];\n";
  r.options.include_directories = {directory.string()};
  const auto source = ParsedSource::parse(r);
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_THAT((*source)->dependencies(), testing::UnorderedElementsAre("parts/scale.h", (directory / "from_disk.h").string()));
  ASSERT_EQ((*source)->constants().size(), 1U);
  EXPECT_EQ((*source)->constants()[0].name, "kDisk");

  r.text = "#include \"/etc/hostname\"\n";
  EXPECT_FALSE(ParsedSource::parse(r));
  r.text = "#include \"../../../../../../etc/hostname\"\n";
  EXPECT_FALSE(ParsedSource::parse(r));
  r.text = "#include <vector>\n";
  const auto missing = ParsedSource::parse(r);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), testing::HasSubstr("file not found"));
}

TEST(Includes, GivenTextsThatNobodyIncludesAreNoDependencies) {
  auto r = request("#include \"parts/../parts/scale.h\"\nkernel void f(device float* o [[buffer(0)]]) { o[0] = kScale; }");
  r.options.include_files = {{"other.h", "#error nobody includes this\n"}, {"parts/more.h", ""}, {"parts/scale.h", "constant float kScale [[function_constant(2)]];\n"}};
  const auto source = ParsedSource::parse(r);
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_THAT((*source)->dependencies(), testing::ElementsAre("parts/scale.h"));
  EXPECT_EQ((*source)->constants().size(), 1U);

  r.text = "#include \"other.h\"\n";
  const auto refused = ParsedSource::parse(r);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("other.h:1"));
}

TEST(Includes, NothingElseCanBeSeenOrEmbedded) {
  for (const char* text : {"#if __has_include(\"/etc/passwd\")\n#error seen\n#endif\n", "#if __has_include(\"../../../../../../../etc/passwd\")\n#error seen\n#endif\n",
                           "#if __has_embed(\"/etc/passwd\")\n#error seen\n#endif\n"}) {
    const auto source = ParsedSource::parse(request(text));
    EXPECT_TRUE(source) << source.error().message();
  }
  for (const char* text : {"constant char x[] = {\n#embed \"/etc/passwd\"\n};", "#include_next <stdio.h>\n", "#import \"/etc/passwd\"\n", "#include \"/proc/self/environ\"\n",
                           "#include \"/dev/zero\"\n", "#include \"/__msl/prelude.pch\"\n", "#include \".\"\n"}) {
    EXPECT_FALSE(ParsedSource::parse(request(text))) << text;
  }
}

TEST(Includes, PipesDevicesAndLongFilesAreNotRead) {
  const auto directory = std::filesystem::temp_directory_path() / fmt::format("anymetal_odd_includes.{}", ::getpid());
  std::filesystem::create_directories(directory);
  ASSERT_EQ(::mkfifo((directory / "pipe.h").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/zero", directory / "endless.h");
  std::ofstream(directory / "long.h");
  std::filesystem::resize_file(directory / "long.h", std::uintmax_t{1} << 40U);
  for (const auto& [name, why] : {std::pair{"pipe.h", "a pipe or a device"}, std::pair{"endless.h", "a pipe or a device"}, std::pair{"long.h", "more than 16777216 bytes"}}) {
    auto r = request(fmt::format("#include \"{}\"\n", name));
    r.options.include_directories = {directory.string()};
    const auto source = ParsedSource::parse(r);
    ASSERT_FALSE(source);
    EXPECT_THAT(source.error().message(), testing::HasSubstr(why));
    EXPECT_FALSE(anymetal::msl::is_unchanged({(directory / name).string(), "digest"}));
  }
  std::filesystem::remove_all(directory);
}

TEST(Includes, CyclesEnd) {
  auto r = request("#include \"a.h\"\n");
  r.options.include_files = {{"a.h", "#include \"b.h\"\n"}, {"b.h", "#include \"a.h\"\n"}};
  EXPECT_FALSE(ParsedSource::parse(r));
}

TEST(Includes, ErrorsInThemCarryTheirNameAndColumn) {
  auto r = request("#include \"a.h\"\n");
  r.options.include_files = {{"a.h", "\nvoid h(uint i [[thread_index_in_simdgroup]], int q) { r = 1; }\n"}};
  const auto source = ParsedSource::parse(r);
  ASSERT_FALSE(source);
  const auto& first = source.error().diagnostics().front();
  EXPECT_EQ(first.file, "a.h");
  EXPECT_EQ(first.line, 2U);
  EXPECT_EQ(first.column, 55U);
}

TEST(Macros, UnknownStandardIsRefused) {
  auto r = request("");
  r.options.language_standard = "metal9.9";
  const auto source = ParsedSource::parse(r);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code(), anymetal::ErrorCode::InvalidArgument);
}

// Clang says once what is wrong with an instantiation; a kernel that reaches it later must not be compiled for want of errors.
TEST(Instantiations, ThatAreWrongAreWrongForEveryKernel) {
  const auto source = front_end::parse(R"(
struct Wrong { template <typename T> T operator()(T x) { T y = x.size(); return y; } };
template <typename T> struct Refused { static_assert(sizeof(T) == 2, "two bytes"); T x; };
struct Lost { template <typename T> T operator()(T x) { return Refused<T>{x}.x; } };
struct Right { template <typename T> T operator()(T x) { return x + x; } };
template <typename Op, typename I> [[kernel]] void f(device float* o [[buffer(0)]], uint i [[thread_position_in_grid]]) { o[I(i)] = Op()(o[I(i)]); }
template [[host_name("wrong_1")]] [[kernel]] decltype(f<Wrong, uint>) f<Wrong, uint>;
template [[host_name("wrong_2")]] [[kernel]] decltype(f<Wrong, int>) f<Wrong, int>;
template [[host_name("wrong_3")]] [[kernel]] decltype(f<Wrong, long>) f<Wrong, long>;
template [[host_name("lost_1")]] [[kernel]] decltype(f<Lost, uint>) f<Lost, uint>;
template [[host_name("lost_2")]] [[kernel]] decltype(f<Lost, int>) f<Lost, int>;
template [[host_name("right")]] [[kernel]] decltype(f<Right, uint>) f<Right, uint>;
)");
  ASSERT_TRUE(source) << source.error().message();
  for (const char* name : {"wrong_1", "wrong_2", "wrong_3", "lost_1", "lost_2"}) {
    const auto entry = (*source)->entry(name);
    ASSERT_FALSE(entry) << name;
    EXPECT_THAT(entry.error().message(), testing::HasSubstr(*name == 'w' ? "t.metal:4:66: error: member reference base type 'float'" : "t.metal:5:54: error: static assertion failed")) << name;
    EXPECT_TRUE((*source)->entry("right"));
  }
}

// The note leads to the line that asks for the instantiation: one of thousands, often by a macro.
TEST(Instantiations, ThatAreWrongAreNamedWhereTheyAreAskedFor) {
  const auto source = front_end::parse(R"(
template <typename T> [[kernel]] void f(device T* o [[buffer(0)]]) { o[0].x = 1; }
#define EXPORT(T) template [[host_name("f_" #T)]] [[kernel]] void f<T>(device T*);
EXPORT(int)
template [[host_name("f_half")]] kernel decltype(f<half>) f<half>;
)");
  ASSERT_TRUE(source) << source.error().message();
  for (const auto& [name, place] : {std::pair{"f_int", "t.metal:6:1: note: in instantiation of"}, {"f_half", "t.metal:7:59: note: in instantiation of"}}) {
    const auto entry = (*source)->entry(name);
    ASSERT_FALSE(entry) << name;
    EXPECT_THAT(entry.error().message(), testing::HasSubstr(place)) << name;
  }
}

// A mistake may be one of thousands of kernels: a new parse says it for sixteen of them again, the others name it in short. Kernels with
// mistakes of their own and right ones are not touched by that.
TEST(Instantiations, ThatAreWrongAreExplainedToAFewKernels) {
  std::string text = R"(
template <typename T> T wrong(T x) { return x.size(); }
template <int N> [[kernel]] void f(device float* o [[buffer(0)]]) { o[N] = wrong(o[N]); }
template <int N> [[kernel]] void g(device float* o [[buffer(0)]]) { static_assert(N > 0, "own mistake"); o[N] += N; }
template <int N> [[kernel]] void h(device float* o [[buffer(0)]]) { o[N] += N; }
template [[host_name("own")]] [[kernel]] decltype(g<0>) g<0>;
template [[host_name("right")]] [[kernel]] decltype(h<0>) h<0>;
)";
  constexpr int kKernels = 20, kExplained = 1 + 16;
  for (int n = 0; n < kKernels; ++n) text += fmt::format("template [[host_name(\"f_{0}\")]] [[kernel]] decltype(f<{0}>) f<{0}>;\n", n);
  const auto source = front_end::parse(text);
  ASSERT_TRUE(source) << source.error().message();
  for (int n = 0; n < kKernels; ++n) {
    const auto entry = (*source)->entry(fmt::format("f_{}", n));
    ASSERT_FALSE(entry) << n;
    EXPECT_EQ(entry.error().code(), anymetal::ErrorCode::ShaderCompilationError);
    EXPECT_THAT(entry.error().message(), testing::HasSubstr(n < kExplained ? "t.metal:4:47: error: member reference base type 'float'"
                                                                           : "uses an instantiation that does not compile: see the errors of earlier kernels")) << n;
    EXPECT_THAT(entry.error().message(), testing::HasSubstr(fmt::format("'f_{}'", n)));
  }
  const auto own = (*source)->entry("own");
  ASSERT_FALSE(own);
  EXPECT_THAT(own.error().message(), testing::HasSubstr("own mistake"));
  EXPECT_TRUE((*source)->entry("right"));
}

TEST(Macros, DefinesAndVersionsNoHost) {
  auto r = request("#if WIDTH != 12 || __METAL_VERSION__ != 310 || defined(__x86_64__) || defined(__linux__) || defined(__NVPTX__)\n#error wrong\n#endif\n");
  r.options.defines = {{"WIDTH", "12"}};
  r.options.language_standard = "metal3.1";
  for (const auto target : {anymetal::msl::Target::Host, anymetal::msl::Target::Nvptx}) {
    r.target = target;
    const auto source = ParsedSource::parse(r);
    EXPECT_TRUE(source) << source.error().message();
  }
}

}  // namespace
