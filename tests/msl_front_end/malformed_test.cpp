// Malformed programs: what is refused, at which token, in which words.
#include "msl_front_end/malformed_support.hpp"
#include "msl_front_end/malformed_table.hpp"

namespace {

using anymetal::Diagnostic;
using anymetal::ErrorCode;
using anymetal::Severity;
using anymetal::msl::ParsedSource;
using front_end::kHead;
using front_end::errors_of;
using front_end::Malformed;
using front_end::request;

class BookProgram : public testing::TestWithParam<front_end::BookRow> {};
TEST_P(BookProgram, IsRefusedAtTheToken) { front_end::expect_refused(GetParam().program); }
INSTANTIATE_TEST_SUITE_P(Section9, BookProgram, testing::ValuesIn(front_end::kBookTable),
                         [](const auto& row) { return row.param.id + ("_" + std::to_string(row.index)); });

const Malformed kMore[] = {
    {"constant int a [[function_constant(3)]];\nconstant float b [[«function_constant»(3)]];", "index 3 is taken by 'a'"},
    {"uint2 g [[«thread_position_in_grid»]];\nkernel void f(device uint* o) { o[0] = g.x; }", "program scope are not supported"},
    {"kernel void f(device int* o, thread int* n [[«buffer»(1)]]) { o[0] = *n; }", "'thread int' cannot be a kernel's argument"},
    {"kernel void f(device int* o, const thread int& «n») { o[0] = n; }", "'thread int' cannot be a kernel's argument"},
    {"struct A { int x; };\nstruct B : A { int y; };\nkernel void f(device int* o, constant B& «b») { o[0] = b.y; }", "'B' of 'b' is derived from another"},
    {"kernel void f(device int* o) {\n#pragma «METAL» fp math_mode(quick)\n}", "'#pragma METAL fp math_mode' takes (safe), (relaxed) or (fast)"},
    {"kernel void f(device int* o) {\n«_Pragma»(\"METAL fp contract(none)\") o[0] = 1; }", "'#pragma METAL fp contract' takes (off), (on) or (fast)"},
    {"kernel void f(device float4* o) { threadgroup float4 «t»{}; o[0] = t; }", "a threadgroup variable cannot be initialised"},
    {"kernel void f(device float4* o) { o[0] = {1, 2, 3, 4, «5»}; }", "wrong number of components: 5 for 'float4'"},
    {"template <class T> vec<T, 2> g(T x) { return {x, x, «x»}; }\nkernel void f(device float2* o) { o[0] = g(1.0f); }", "wrong number of components: 3 for 'float2'"},
    {"float* «g»(device float* p) { return nullptr; }", "pointer type must have an explicit address space"},
    {"struct S { int x; int& «at»() { return x; } };", "reference type must have an explicit address space"},
    {"kernel void f(device int* o) { atomic_int «a»; o[0] = 1; }", "can only be in device or threadgroup memory"},
    {"int g(atomic<uint> «a»);", "can only be in device or threadgroup memory"},
    {"kernel void f(device float* o) { o[0] = «1.0L»; }", "'long double' is not supported in Metal"},
    {"kernel void f(device float* o) { o[0] = 2 * «0x1p3l»; }", "'long double' is not supported in Metal"},
    {"struct A { device int* o [[buffer(0)]]; };\nkernel void f(«A» a) { a.o[0] = 1; }", "arguments in a structure, here 'A', are not supported"},
    {"kernel void f(device int* o) { o[0] = «sign»(o[1]); }", "call to 'sign' is ambiguous: it takes half or float, or vectors of them"},
    {"kernel void f(device int4* o) { o[0] = «sign»(o[1]); }", "no matching function for call to 'sign': it takes half or float, or vectors of them"},
    {"kernel void f(device half* o) { o[0] = «pow»(o[1], 2.0f); }", "call to 'pow' is ambiguous: it takes half or float, or vectors of them, all of one type"},
    {"void h(constant int «v») {}", "passed by value"},
    {"struct S { device float «x»; };", "address space"},
    {"struct S { float* «p»; };", "explicit address space"},
    {"kernel void f(device half* o, device bfloat* b) { float x = o[0] «*» b[0]; }", "'*'"},
    {"kernel void f(device float* o) { uint2 u = «as_type»<uint2>(o[0]); }", "'as_type'"},
    {"kernel void f(device float* o, constant float* c) { o = «c»; }", "address space"},
    {"kernel void f(device float* o) { threadgroup float* t = «(threadgroup» float*)o; }", "mismatching address spaces"},
    {"kernel void f(device float* o) { auto t = «reinterpret_cast»<threadgroup uint*>(o); }", "mismatching address spaces"},
    {"kernel void f(device float* o) { auto t = (thread int*)«o»; }", "'device float *' to 'thread int *'"},
    {"kernel void f(device float* o) { float v; o = (device float*)«&v»; }", "'thread float *' to 'device float *'"},
    {"typedef device float* out; kernel void f(device float* o) { float v; o = out(«&v»); }", "mismatching address spaces"},
    {"kernel void f(device float* o) { threadgroup float t[2]; thread float& r = «t»[0]; }", "mismatching address spaces"},
    {"thread float* h(device float* p) { return «p»; }", "mismatching address spaces"},
    {"struct S { thread float* p; }; kernel void f(device float* o) { S s = {«o»}; }", "mismatching address spaces"},
    {"struct S { thread float* p; }; kernel void f(device float* o) { S s; s.p = «o»; }", "mismatching address spaces"},
    {"struct S { thread float* p; S(device float* q) : p(«q») {} };", "mismatching address spaces"},
    {"void h(thread float& x) {}\nkernel void f(device float* o) { h(«o»[0]); }", "'device float &' to 'thread float &'"},
    {"struct S { int a; int g() const device { return a; } };\nkernel void f(device int* o) { S s; o[0] = «s».g(); }", "address space"},
    {"struct S { int a; int g() const thread { return a; } };\nkernel void f(device S* s, device int* o) { o[0] = «s»->g(); }", "'g' is for objects in the thread address space"},
    {"struct S { int a; void g() { a = 1; } };\nkernel void f(constant S& s) { «s».g(); }", "const"},
    {"kernel void f(constant float4& c) { c.«x» = 1; }", ""},
    {"template <class T> void h(threadgroup T* t) {}\nkernel void f(device float* o) { «h»(o); }", "no matching function"},
};

class MalformedProgram : public testing::TestWithParam<Malformed> {};
TEST_P(MalformedProgram, IsRefusedAtTheToken) { front_end::expect_refused(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Table, MalformedProgram, testing::ValuesIn(kMore));

TEST(MalformedSource, SourceLineIsTheUsersOwn) {
  const auto diagnostics = errors_of(std::string(kHead) + "kernel void f(device int* a [[buffer(0)]], device int* b [[buffer(0)]]) {}\n");
  ASSERT_FALSE(diagnostics.empty());
  EXPECT_EQ(diagnostics.front().source_line, "kernel void f(device int* a [[buffer(0)]], device int* b [[buffer(0)]]) {}");
}

TEST(MalformedSource, LineDirectiveIsRespected) {
  const auto diagnostics = errors_of("#line 70 \"other.metal\"\nkernel void f(device int* o [[buffer(0)]]) { o[0] = q; }\n");
  ASSERT_FALSE(diagnostics.empty());
  EXPECT_EQ(diagnostics.front().file, "other.metal");
  EXPECT_EQ(diagnostics.front().line, 70U);
  EXPECT_EQ(diagnostics.front().column, 53U);
}

/// What asking for an entry of a source, or specialising it, answers.
struct Refusal {
  const char* id;
  const char* text;
  const char* entry;
  ErrorCode code;
  const char* message;
};

class BookRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(BookRefusal, SaysWhy) {
  const auto source = front_end::parse(GetParam().text);
  ASSERT_TRUE(source) << source.error().message();
  const auto entry = (*source)->entry(GetParam().entry);
  const auto kernel = entry ? specialise(**entry, {}) : std::unexpected(entry.error());
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code(), GetParam().code);
  EXPECT_THAT(kernel.error().message(), testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Section9, BookRefusal,
    testing::Values(Refusal{"E01", "float f(float x) { return x; }", "f", ErrorCode::KernelNotFound, "this source has no kernels"},
                    Refusal{"E02", "kernel void scale(device float* o [[buffer(0)]]) {}", "scal", ErrorCode::KernelNotFound, "did you mean 'scale'"},
                    Refusal{"E05", "template <class T> kernel void f(device T* o) {}", "f", ErrorCode::KernelNotFound, "'f' is a kernel template: instantiate it"},
                    Refusal{"E57", "int h(int n) { return n < 2 ? n : h(n - 1) + h(n - 2); }\nkernel void f(device int* o) { o[0] = h(o[0]); }", "f",
                            ErrorCode::ShaderCompilationError, "recursion"},
                    Refusal{"E65", "constant int n [[function_constant(0)]];\nkernel void f(device int* o) { o[0] = n; }", "f", ErrorCode::FunctionConstantError,
                            "function constant 'n' (index 0, int) needs a value"},
                    Refusal{"E72", "kernel void f(device float* o) { threadgroup float t[9000]; t[0] = o[0]; o[0] = t[1]; }", "f",
                            ErrorCode::ShaderCompilationError, "kernel 'f' needs 36000 bytes of threadgroup memory, limit 32768"},
                    Refusal{"E73", "[[max_total_threads_per_threadgroup(2048)]] kernel void f(device int* o) {}", "f", ErrorCode::ShaderCompilationError,
                            "is 2048, limit 1024"}),
    [](const auto& row) { return row.param.id; });

TEST(MalformedSource, AConstantOfAnotherTypeNamesBoth) {
  const auto source = front_end::parse("constant int n [[function_constant(0)]];\nkernel void f(device int* o) { o[0] = n; }");
  ASSERT_TRUE(source);
  const auto entry = (*source)->entry("f");
  ASSERT_TRUE(entry);
  const std::vector<anymetal::FunctionConstant> constants = {{0U, 1.5F}};
  const auto kernel = specialise(**entry, constants);
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code(), ErrorCode::FunctionConstantError);
  EXPECT_THAT(kernel.error().message(), testing::AllOf(testing::HasSubstr("'n'"), testing::HasSubstr("int"), testing::HasSubstr("float")));
}

TEST(MalformedSource, LambdasBeforeMetal32AreNoticed) {
  auto r = request(std::string(kHead) + "kernel void f(device int* o) { auto g = []() { return 1; }; o[0] = g(); }");
  r.options.language_standard = "metal3.1";
  const auto source = ParsedSource::parse(r);
  const auto& diagnostics = source ? std::vector<Diagnostic>((*source)->warnings().begin(), (*source)->warnings().end()) : source.error().diagnostics();
  ASSERT_FALSE(diagnostics.empty());
  EXPECT_EQ(std::pair(diagnostics.front().line, diagnostics.front().column), std::pair(3U, 41U)) << render(diagnostics);
  EXPECT_THAT(diagnostics.front().message, testing::HasSubstr("metal3.2"));
}

TEST(MalformedSource, AFileThatIncludesItself) {
  auto r = request("#include \"a.h\"\n");
  r.options.include_files = {{"a.h", "#include \"a.h\"\n"}};
  const auto source = ParsedSource::parse(r);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().diagnostics().front().file, "a.h");
  EXPECT_THAT(source.error().diagnostics().front().message, testing::HasSubstr("#include nested too deeply"));
}

TEST(MalformedSource, AMacrosErrorStandsAtTheExpansion) {
  const auto diagnostics = errors_of("#define BAD undeclared_thing\nkernel void f(device int* o) { o[0] = BAD; }\n");
  ASSERT_FALSE(diagnostics.empty());
  EXPECT_EQ(std::pair(diagnostics.front().line, diagnostics.front().column), std::pair(2U, 39U)) << render(diagnostics);
  ASSERT_GE(diagnostics.size(), 2U);
  EXPECT_EQ(diagnostics[1].severity, Severity::Note);
  EXPECT_EQ(std::pair(diagnostics[1].line, diagnostics[1].column), std::pair(1U, 13U)) << render(diagnostics);
}

TEST(MalformedSource, OneErrorAPlaceHoweverOftenItIsInstantiated) {
  std::string text = std::string(kHead) + "template <class T> kernel void f(device T* o) { o[0].x = 1; }\n";
  for (const char* type : {"int", "uint", "float", "half"}) text += std::string("template [[host_name(\"") + type + "\")]] kernel void f<" + type + ">(device " + type + "*);\n";
  const auto diagnostics = errors_of(text);
  EXPECT_EQ(std::ranges::count(diagnostics, Severity::Error, &Diagnostic::severity), 1) << render(diagnostics);
}

TEST(MalformedSource, TheSameOnEveryTarget) {
  const std::string text = std::string(kHead) + "kernel void f(device float4* o, long2 g [[thread_position_in_grid]]) { o[0] = int4(1); o[q] = 1; }";
  const auto host = errors_of(request(text));
  const auto nvptx = errors_of(request(text, anymetal::msl::Target::Nvptx));
  EXPECT_EQ(render(host), render(nvptx));
}

// What the library is made of is no word of Metal's.
TEST(MalformedSource, SpeaksOfNothingThatTheUserCannotWrite) {
  const auto diagnostics = errors_of(std::string(kHead) + R"(struct A { float4 v; packed_float3 p; void set(float x) threadgroup { v.x = x; } int get() const constant { return 1; } };
kernel void f(device A* a, constant A& c, device float4* o, device half* h) {
  a->set(1);
  a->get();
  c.p.x = 2;
  c.v.xy = 2;
  o[0] = max(o[0], int4(1));
  o[1] = float4x4(1) * float3(1);
  float3 z = o[0];
  bfloat b = h[0];
  h[1] = simd_shuffle(h[0]);
  o[2] = clamp(o[1], 1, half3(2));
})");
  EXPECT_EQ(std::ranges::count(diagnostics, Severity::Error, &Diagnostic::severity), 10) << render(diagnostics);
  for (const Diagnostic& d : diagnostics) {
    for (const char* word : {"__", "converted<", "vec<", "aka", "annotate", "_Float16", "initializer_list", "property", "pseudo"}) EXPECT_THAT(d.message, testing::Not(testing::HasSubstr(word)));
    EXPECT_TRUE(d.severity != Severity::Error || d.file == "t.metal") << d.message;
  }
  EXPECT_THAT(render(diagnostics), testing::HasSubstr("cannot initialize object parameter of type 'threadgroup A' with an expression of type 'device A'"));
  EXPECT_THAT(render(diagnostics), testing::HasSubstr("component 'x' cannot be assigned"));
}

TEST(MalformedSource, StopsAfterMaxErrors) {
  std::string text = "void f() {\n";
  for (int i = 0; i < 50; ++i) text += "undeclared_" + std::to_string(i) + ";\n";
  auto limited = request(text + "}\n");
  limited.options.max_errors = 7;
  auto source = ParsedSource::parse(limited);
  ASSERT_FALSE(source);
  std::size_t errors = 0;
  for (const Diagnostic& d : source.error().diagnostics()) errors += d.severity == Severity::Error ? 1 : 0;
  EXPECT_EQ(errors, 8U) << "7, and one that says there are too many";
  EXPECT_THAT(source.error().diagnostics().back().message, testing::HasSubstr("too many errors"));
}

}  // namespace
