// Malformed programs: what is refused, at which token, in which words.
#include "msl_front_end/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using anymetal::Diagnostic;
using anymetal::ErrorCode;
using anymetal::Severity;
using anymetal::msl::ParsedSource;
using front_end::kHead;
using front_end::kHeadLines;
using front_end::request;

/// `«` stands before the token the first error has to carry.
struct Malformed {
  const char* program;
  const char* message;
};

const Malformed kTable[] = {
    {"constant int a [[function_constant(3)]];\nconstant float b [[«function_constant»(3)]];", "index 3 is taken by 'a'"},
    {"uint2 g [[«thread_position_in_grid»]];", "program scope are not supported"},
    {"template <class T> kernel void f(device T* o) { o[0].«x» = 1; }\ntemplate [[host_name(\"x\")]] kernel void f<int>(device int*);", "'int'"},
    {"void h(constant int «v») {}", "passed by value"},
    {"struct S { device float «x»; };", "address space"},
    {"struct S { float* «p»; };", "explicit address space"},
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
    {R"msl(kernel void a(device float* o) {}
kernel void «a»(device int* o) {})msl",
     R"msl(cannot be overloaded)msl"},
    {R"msl(template <class T> kernel void f(device T* o) {}
template [[host_name("x")]] kernel void f<int>(device int*);
template [[host_name(«"x"»)]] kernel void f<float>(device float*);)msl",
     R"msl(public name 'x' is used twice)msl"},
    {R"msl([[host_name(«3»)]] kernel void f(device int* o) {})msl",
     R"msl('host_name' takes one string)msl"},
    {R"msl([[«host_name»("x")]] void f() {})msl",
     R"msl(only kernels)msl"},
    {R"msl(kernel int «f»(device int* o) { return 0; })msl",
     R"msl(invalid return type 'int')msl"},
    {R"msl(kernel void f(device int* a [[buffer(0)]], device int* b [[«buffer»(0)]]) {})msl",
     R"msl(already taken by 'a')msl"},
    {R"msl(kernel void f(device int* a [[buffer(«31»)]]) {})msl",
     R"msl(between 0 and 30)msl"},
    {R"msl(kernel void f(device int* a [[buffer(«-1»)]]) {})msl",
     R"msl(between 0 and 30)msl"},
    {R"msl(kernel void f(device int* a [[«buffer»]]) {})msl",
     R"msl(takes one argument)msl"},
    {R"msl(kernel void f(device int* o, «int» n) {})msl",
     R"msl(invalid type 'int')msl"},
    {R"msl(kernel void f(uint v [[«buffer»(0)]]) {})msl",
     R"msl('uint' is not valid for attribute 'buffer')msl"},
    {R"msl(kernel void f(float* «p» [[buffer(0)]]) {})msl",
     R"msl(explicit address space)msl"},
    {R"msl(kernel void f(threadgroup float* t [[«buffer»(0)]]) {})msl",
     R"msl('threadgroup float' cannot back a buffer)msl"},
    {R"msl(kernel void f(device float* t [[«threadgroup»(0)]]) {})msl",
     R"msl('device float' is not threadgroup memory)msl"},
    {R"msl(kernel void f(device float* o, float i [[«thread_position_in_grid»]]) {})msl",
     R"msl('float' is not valid)msl"},
    {R"msl(kernel void f(device float* o, int i [[«thread_position_in_grid»]]) {})msl",
     R"msl('int' is not valid)msl"},
    {R"msl(kernel void f(device float* o, uint4 i [[«thread_position_in_grid»]]) {})msl",
     R"msl('uint4' is not valid)msl"},
    {R"msl(kernel void f(device float* o, ulong i [[«thread_position_in_grid»]]) {})msl",
     R"msl('ulong' is not valid)msl"},
    {R"msl(kernel void f(device int* o, uint g [[thread_position_in_grid]], uint2 n [[«threads_per_grid»]]) {})msl",
     R"msl(must be equal)msl"},
    {R"msl(kernel void f(device int* o, uint p [[thread_position_in_threadgroup]], ushort i [[«thread_index_in_threadgroup»]]) {})msl",
     R"msl(must be 'uint' because 'p' is)msl"},
    {R"msl(kernel void f(device int* o, uint2 l [[«thread_index_in_simdgroup»]]) {})msl",
     R"msl('uint2' is not valid)msl"},
    {R"msl(kernel void f(device int* o, uint t [[«thread_pos_in_grid»]]) {})msl",
     R"msl(did you mean 'thread_position_in_grid')msl"},
    {R"msl(struct V { float x [[attribute(0)]]; };
kernel void f(V v [[«stage_in»]], device int* o) {})msl",
     R"msl('stage_in' is not supported)msl"},
    {R"msl(kernel void f(texture2d<float> «img» [[texture(0)]], device int* o) {})msl",
     R"msl(type 'texture2d<float>' is not supported)msl"},
    {R"msl(kernel void f(device int* o, uint v [[«vertex_id»]]) {})msl",
     R"msl('vertex_id')msl"},
    {R"msl(float «g» = 1;)msl",
     R"msl(constant address space)msl"},
    {R"msl(static constexpr int «N» = 4;)msl",
     R"msl(constant address space)msl"},
    {R"msl(constant float «c»;)msl",
     R"msl(must be initialised)msl"},
    {R"msl(kernel void f(constant float* c, device float* o) { «c[0]» = 1; })msl",
     R"msl(read-only)msl"},
    {R"msl(kernel void f(const device float* c, device float* o) { «c[0]» = 1; })msl",
     R"msl(read-only)msl"},
    {R"msl(void h() { threadgroup float «t»[4]; })msl",
     R"msl(in kernels only)msl"},
    {R"msl(kernel void f(device int* o) { threadgroup int «t»[2] = {1, 2}; })msl",
     R"msl(cannot be initialised)msl"},
    {R"msl(kernel void f(device int* o) { device int «x»; })msl",
     R"msl(automatic variable)msl"},
    {R"msl(kernel void f(device int* o) { static int «n» = 0; })msl",
     R"msl(static)msl"},
    {R"msl(void h(threadgroup float* t) {}
kernel void f(device float* o) { h(«o»); })msl",
     R"msl('device float *' to 'threadgroup float *')msl"},
    {R"msl(kernel void f(device float* o) { thread float* p = «o»; })msl",
     R"msl(mismatching address spaces)msl"},
    {R"msl(kernel void f(device float* o) { float* «p» = o; })msl",
     R"msl(explicit address space)msl"},
    {R"msl(kernel void f(device float* o) { «double» d = 1; })msl",
     R"msl('double' is not supported in Metal)msl"},
    {R"msl(kernel void f(device float* o) { long «long» d = 1; })msl",
     R"msl('long long' is not supported)msl"},
    {R"msl(kernel void f(device float4* o) { int4 i = 1; o[0] = «i»; })msl",
     R"msl()msl"},
    {R"msl(kernel void f(device float2* o) { float z = o[0].«z»; })msl",
     R"msl('float2')msl"},
    {R"msl(kernel void f(device float4* o) { o[0] = «float4»(1, 2, 3); })msl",
     R"msl('float4')msl"},
    {R"msl(kernel void f(device float4* o) { o[0] = «float4»(1, 2, 3, 4, 5); })msl",
     R"msl('float4')msl"},
    {R"msl(kernel void f(device float* o) { bfloat b = «o[0]»; })msl",
     R"msl('float' to 'bfloat')msl"},
    {R"msl(kernel void f(device half* o, device bfloat* b) { float x = o[0] «*» b[0]; })msl",
     R"msl('*')msl"},
    {R"msl(kernel void f(device float* o) { uint2 u = «as_type»<uint2>(o[0]); })msl",
     R"msl('as_type')msl"},
    {R"msl(kernel void f(device float4* o) { if («o[0] == o[1]») o[0] = 0; })msl",
     R"msl(use all() or any())msl"},
    {R"msl(kernel void f(device int* o) { «goto» e; e: return; })msl",
     R"msl(goto)msl"},
    {R"msl(struct S { «virtual» void g(); };)msl",
     R"msl(virtual)msl"},
    {R"msl(void h() { «try» {} catch (...) {} })msl",
     R"msl(exceptions)msl"},
    {R"msl(void h() { thread int* p = «new» int; })msl",
     R"msl('new')msl"},
    {R"msl(struct A {}; void h(thread A* a) { auto b = «dynamic_cast»<thread A*>(a); })msl",
     R"msl(not supported)msl"},
    {R"msl(«thread_local» int t;)msl",
     R"msl(not supported)msl"},
    {R"msl(void h() { «register» int r; })msl",
     R"msl(not supported)msl"},
    {R"msl(kernel void f(device int* o, «...») {})msl",
     R"msl(variadic)msl"},
    {R"msl(void «main»() {})msl",
     R"msl('main')msl"},
    {R"msl(struct S { kernel void «f»(device int* o) {} };)msl",
     R"msl(member)msl"},
    {R"msl(kernel void a(device int* o) {}
kernel void b(device int* o) { «a»(o); })msl",
     R"msl('a' is one)msl"},
    {R"msl(kernel void f(device int* o) { int (*«p»)(int) = nullptr; o[0] = p(1); })msl",
     R"msl(indirect calls)msl"},
    {R"msl(kernel void f(device float* o) { o[0] = «simdsum»(o[0]); })msl",
     R"msl(did you mean 'simd_sum')msl"},
    {R"msl(kernel void f(device int* o, device float* x) { o[0] = «min»(o[0], x[0]); })msl",
     R"msl('min' is ambiguous)msl"},
    {R"msl(#include «"nope.h"»)msl",
     R"msl(file not found)msl"},
    {R"msl(struct S { int a; };
constant S «s» [[function_constant(0)]];)msl",
     R"msl(scalars or vectors)msl"},
    {R"msl(constant int n [[function_constant(«65536»)]];)msl",
     R"msl(0 to 65535)msl"},
    {R"msl(constant int n [[function_constant(0)]] = «3»;)msl",
     R"msl(initialiser)msl"},
    {R"msl(kernel void f(device int* o) { «atomic_fetch_add_explicit»(o, 1, memory_order_relaxed); })msl",
     R"msl('atomic_fetch_add_explicit')msl"},
    {R"msl(kernel void f(device atomic_int* o) { atomic_store_explicit(o, 1, «memory_order_release»); })msl",
     R"msl('memory_order_release')msl"},
    {R"msl(kernel void f(device atomic_float* o) { «atomic_fetch_max_explicit»(o, 1.0f, memory_order_relaxed); })msl",
     R"msl('atomic_fetch_max_explicit')msl"},
    {R"msl(kernel void f(device atomic_int* o) { int x = «*o»; })msl",
     R"msl('atomic_int' to 'int')msl"},
    {R"msl([[max_total_threads_per_threadgroup(«0»)]] kernel void f(device int* o) {})msl",
     R"msl(positive integer constant)msl"},
    {R"msl(kernel void f(device int* o) { int n = o[0]; int a[«n»]; a[0] = 1; })msl",
     R"msl(variable-length)msl"},
    {R"msl(kernel void f(device int* o) { o[0] = 1«» })msl",
     R"msl(expected ';')msl"},
    {R"msl(struct P { int n; }; kernel void f(constant P& p, device int* o) { o[0] = p.«m»; })msl",
     R"msl(no member named 'm' in 'P')msl"},
    {R"msl(kernel void f(constant «P»& p, device int* o) {})msl",
     R"msl(unknown type name 'P')msl"},
};

struct Marked {
  std::string text;
  unsigned line = kHeadLines + 1;
  unsigned column = 1;
};

Marked unmarked(std::string_view program) {
  constexpr std::string_view kOpen = "«";
  constexpr std::string_view kClose = "»";
  Marked marked;
  const std::size_t open = program.find(kOpen);
  for (const char c : program.substr(0, open)) {
    marked.column = c == '\n' ? 1 : marked.column + 1;
    if (c == '\n') ++marked.line;
  }
  marked.text = program.substr(0, open);
  std::string_view rest = program.substr(open + kOpen.size());
  const std::size_t close = rest.find(kClose);
  marked.text.append(rest.substr(0, close)).append(rest.substr(close + kClose.size()));
  return marked;
}

/// The first error of parsing the program, or of making the entry of each of its kernels.
std::vector<Diagnostic> errors_of(const std::string& text) {
  auto source = ParsedSource::parse(request(text));
  if (!source) {
    EXPECT_EQ(source.error().code(), ErrorCode::ShaderCompilationError);
    return source.error().diagnostics();
  }
  for (const std::string& name : (*source)->entry_names()) {
    const auto entry = (*source)->entry(name);
    if (!entry) return entry.error().diagnostics();
  }
  return {};
}

class MalformedProgram : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedProgram, IsRefusedAtTheToken) {
  const Marked program = unmarked(GetParam().program);
  const std::vector<Diagnostic> diagnostics = errors_of(kHead + program.text);
  ASSERT_FALSE(diagnostics.empty()) << "accepted:\n" << program.text;
  const Diagnostic& first = diagnostics.front();
  EXPECT_EQ(first.severity, Severity::Error);
  EXPECT_EQ(first.file, "t.metal");
  EXPECT_EQ(std::pair(first.line, first.column), std::pair(program.line, program.column)) << render(diagnostics);
  EXPECT_THAT(first.message, testing::HasSubstr(GetParam().message));
  for (const char* internal : {"ext_vector_type", "vec<", "_Float16", "annotate", "__msl", "unsigned"}) {
    EXPECT_THAT(first.message, testing::Not(testing::HasSubstr(internal)));
  }
}

INSTANTIATE_TEST_SUITE_P(Table, MalformedProgram, testing::ValuesIn(kTable));

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

TEST(MalformedSource, StopsAfterMaxErrors) {
  std::string text = "void f() {\n";
  for (int i = 0; i < 50; ++i) text += "undeclared_" + std::to_string(i) + ";\n";
  auto limited = request(text + "}\n");
  limited.options.max_errors = 7;
  auto source = ParsedSource::parse(limited);
  ASSERT_FALSE(source);
  std::size_t errors = 0;
  for (const Diagnostic& d : source.error().diagnostics()) errors += d.severity == Severity::Error ? 1 : 0;
  EXPECT_GE(errors, 7U);
  EXPECT_LE(errors, 8U);
}

}  // namespace
