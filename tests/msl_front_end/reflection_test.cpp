// What reflection says of kernels' names and arguments.
#include "msl_front_end/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using anymetal::Access;
using anymetal::Argument;
using anymetal::ArgumentKind;
using anymetal::ErrorCode;
using anymetal::msl::EntryReflection;
using front_end::parse;

EntryReflection reflection_of(const std::string& text, std::string_view name) {
  const auto source = parse(text);
  EXPECT_TRUE(source) << source.error().message();
  if (!source) return {};
  const auto entry = (*source)->entry(name);
  EXPECT_TRUE(entry) << entry.error().message();
  return entry ? (*entry)->reflection : EntryReflection{};
}

TEST(Reflection, ArgumentsByKindTypeAndAccess) {
  const auto r = reflection_of(R"(struct Params { int rows; float4 scale; };
kernel void f(device float4* out [[buffer(3)]], const device half* in [[buffer(1)]], constant Params& p [[buffer(0)]],
              threadgroup uchar* scratch [[threadgroup(2)]], device void* any [[buffer(7)]], uint3 g [[thread_position_in_grid]]) {})", "f");
  ASSERT_EQ(r.arguments.size(), 5U);
  const Argument& out = r.arguments[0];
  EXPECT_EQ(out.name, "out");
  EXPECT_EQ(out.kind, ArgumentKind::Buffer);
  EXPECT_EQ(out.index, 3U);
  EXPECT_EQ(out.type, "float4");
  EXPECT_EQ(out.access, Access::ReadWrite);
  EXPECT_EQ(out.element_size, 16U);
  EXPECT_EQ(out.element_alignment, 16U);
  EXPECT_FALSE(out.is_reference);
  EXPECT_EQ(r.arguments[1].type, "half");
  EXPECT_EQ(r.arguments[1].access, Access::Read);
  EXPECT_EQ(r.arguments[2].type, "Params");
  EXPECT_TRUE(r.arguments[2].is_reference);
  EXPECT_TRUE(r.arguments[2].is_constant);
  EXPECT_EQ(r.arguments[2].element_size, 32U);
  EXPECT_EQ(r.arguments[2].access, Access::Read);
  EXPECT_EQ(r.arguments[3].kind, ArgumentKind::Threadgroup);
  EXPECT_EQ(r.arguments[3].index, 2U);
  EXPECT_EQ(r.arguments[3].type, "uchar");
  EXPECT_EQ(r.arguments[4].element_size, 0U);
}

TEST(Reflection, ImplicitIndicesFillTheGaps) {
  const auto r = reflection_of(R"(kernel void f(device float* a, constant float& b, device float* c [[buffer(2)]], constant uint& n,
    threadgroup float* t, threadgroup float* u) {})", "f");
  std::vector<unsigned> indices;
  for (const Argument& a : r.arguments) indices.push_back(a.index);
  EXPECT_THAT(indices, testing::ElementsAre(0, 1, 2, 3, 0, 1));
}

TEST(Reflection, ThreadLimitMayDependOnTemplateParameters) {
  const std::string text = R"(template <int N> [[max_total_threads_per_threadgroup(N * 32)]] kernel void f(device int* o) { o[0] = N; }
template [[host_name("f4")]] kernel void f<4>(device int*);)";
  EXPECT_EQ(reflection_of(text, "f4").max_total_threads, 128U);
  EXPECT_TRUE(reflection_of(text, "f4").declares_max_total_threads);
  EXPECT_FALSE(reflection_of("kernel void f(device int* o) { o[0] = 1; }", "f").declares_max_total_threads);
}

TEST(Reflection, RequiredThreadgroupIsAlsoTheLargest) {
  const auto three = reflection_of("[[required_threads_per_threadgroup(8, 4, 2)]] kernel void f(device int* o) { o[0] = 1; }", "f");
  EXPECT_THAT(three.required_threads, testing::ElementsAre(8, 4, 2));
  EXPECT_EQ(three.max_total_threads, 64U);
  EXPECT_TRUE(three.declares_max_total_threads);
  const std::string text = R"(template <int N> [[max_total_threads_per_threadgroup(64), required_threads_per_threadgroup(N)]] kernel void f(device int* o) { o[0] = N; }
template [[host_name("f64")]] kernel void f<64>(device int*);)";
  EXPECT_THAT(reflection_of(text, "f64").required_threads, testing::ElementsAre(64, 1, 1));
  EXPECT_THAT(reflection_of("kernel void f(device int* o) { o[0] = 1; }", "f").required_threads, testing::Each(0));
}

TEST(EntryNames, SourceOrderNamespacesAndInstantiationForms) {
  const auto source = parse(R"(kernel void zeta(device int* o) {}
namespace outer { namespace inner { kernel void f(device int* o) {} } }
template <class T> kernel void g(device T* o) { o[0] = T(1); }
#define MAKE(T) template [[host_name("g_" #T)]] [[kernel]] decltype(g<T>) g<T>;
MAKE(half)
template [[host_name("other")]] kernel void g<float>(device float*);
MAKE(int)
kernel void alpha(device int* o) {})");
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_THAT((*source)->entry_names(), testing::ElementsAre("zeta", "outer::inner::f", "g_half", "other", "g_int", "alpha"));
  EXPECT_THAT((*source)->entry_lines(), testing::ElementsAre(3, 4, 5, 5, 5, 10)) << "lines of the definitions";
}

TEST(EntryNames, WrongNameSuggestsTheClosest) {
  const auto source = parse("kernel void scale(device float* o [[buffer(0)]]) {}");
  ASSERT_TRUE(source);
  const auto entry = (*source)->entry("scal");
  ASSERT_FALSE(entry);
  EXPECT_EQ(entry.error().code(), ErrorCode::KernelNotFound);
  EXPECT_THAT(entry.error().message(), testing::HasSubstr("did you mean 'scale'"));
  EXPECT_THAT(entry.error().suggestions(), testing::ElementsAre("scale"));
}

TEST(EntryNames, TemplateWithoutInstantiationSaysSo) {
  const auto source = parse("template <class T> kernel void f(device T* o) {}");
  ASSERT_TRUE(source);
  EXPECT_THAT((*source)->entry("f").error().message(), testing::HasSubstr("instantiate it"));
}

TEST(EntryNames, VertexFunctionsAreNoKernels) {
  const auto source = parse("vertex float4 v(uint i [[vertex_id]]) { return float4(i); }\nkernel void f(device int* o) {}");
  ASSERT_TRUE(source) << source.error().message();
  EXPECT_THAT((*source)->entry_names(), testing::ElementsAre("f"));
  EXPECT_THAT((*source)->entry("v").error().message(), testing::HasSubstr("is a vertex function, only kernels are supported"));
}

TEST(EntryNames, SourceWithoutKernelsSaysSo) {
  const auto source = parse("float f(float x) { return x; }");
  ASSERT_TRUE(source);
  EXPECT_THAT((*source)->entry("f").error().message(), testing::HasSubstr("no kernels"));
}

TEST(Instantiation, OnlyTheEntryAskedForIsInstantiated) {
  const auto source = parse(R"(template <class T> kernel void f(device T* o) { o[0].x = 1; }
template [[host_name("bad")]] kernel void f<int>(device int*);
template [[host_name("good")]] kernel void f<float2>(device float2*);)");
  ASSERT_TRUE(source) << source.error().message();
  const auto bad = (*source)->entry("bad");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code(), ErrorCode::ShaderCompilationError);
  EXPECT_EQ(bad.error().kernel(), "bad");
  EXPECT_EQ(bad.error().diagnostics().front().line, 3U);
  EXPECT_TRUE((*source)->entry("good"));
  EXPECT_FALSE((*source)->entry("bad")) << "a failure stays one";
}

TEST(Instantiation, AnEntryIsGeneratedOnce) {
  const auto source = parse("kernel void f(device int* o) { o[0] = 1; }");
  ASSERT_TRUE(source);
  EXPECT_EQ(*(*source)->entry("f"), *(*source)->entry("f"));
}

}  // namespace
