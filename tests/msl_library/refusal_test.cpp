// What the library headers must refuse, and how the message has to sound.

#include <gmock/gmock.h>

#include <array>

#include "msl_library/parse_support.hpp"

namespace anymetal::tests {
namespace {

struct Refusal {
  const char* name;
  const char* text;     ///< the mistake is on its line
  const char* message;  ///< what one of the errors must say
};

constexpr std::array kRefusals = {
    Refusal{"VectorFromOtherElements", "void f() { float4 v = int4(1); }", "float4"},
    Refusal{"VectorFromOtherWidth", "void f(float4 v) { float3 w = v; }", "float3"},
    Refusal{"SignednessOfVectors", "void f(int2 v) { uint2 w = v; }", "uint2"},
    Refusal{"MixedVectorOperands", "float4 f(float4 a, half4 b) { return a + b; }", "half4"},
    Refusal{"MixedIntegerVectors", "int4 f(int4 a, uint4 b) { return a * b; }", "uint4"},
    Refusal{"ComponentBeyondWidth", "float f(float2 v) { return v.z; }", "no member named 'z' in 'float2'"},
    Refusal{"MixedComponentSets", "float2 f(float4 v) { return v.xg; }", "no member named 'xg'"},
    Refusal{"RepeatedComponentWritten", "void f(thread float4& v) { v.xx = 1; }", ""},
    Refusal{"SwizzleOfOtherWidthWritten", "void f(thread float4& v) { v.xy = float3(1); }", ""},
    Refusal{"ConstSwizzleWritten", "void f(const thread float4& v) { v.xy = 1; }", ""},
    Refusal{"ConstElementWritten", "void f(const thread float4& v) { v[1] = 1; }", ""},
    Refusal{"ReferenceToSwizzle", "void f(thread float4& v) { thread float2& r = v.xy; }", "reference"},
    Refusal{"ConstantIndexBeyondWidth", "float f(float4 v) { return v[4]; }", "out of range"},
    Refusal{"TooFewComponents", "float4 f() { return float4(1, 2, 3); }", "wrong number of components"},
    Refusal{"TooManyComponents", "float2 f(float4 v) { return float2(v, 1); }", "wrong number of components"},
    Refusal{"TwoScalarsForFour", "float4 f() { return float4(1, 2); }", "wrong number of components"},
    Refusal{"VectorAsCondition", "int f(float4 a) { if (a == a) return 1; return 0; }", "bool4"},
    Refusal{"RemainderOfFloats", "float4 f(float4 a) { return a % 2.0f; }", "invalid operands"},
    Refusal{"BitsOfFloats", "float4 f(float4 a) { return a & a; }", "invalid operands"},
    Refusal{"BfloatFromFloat", "void f(float x) { bfloat b = x; }", "bfloat"},
    Refusal{"BfloatFromHalf", "void f(half x) { bfloat b = x; }", "bfloat"},
    Refusal{"HalfFromBfloat", "void f(bfloat x) { half h = x; }", "bfloat"},
    Refusal{"BfloatSumIsFloat", "void f(bfloat x) { x = x + 1.0f; }", ""},
    Refusal{"BfloatTimesHalf", "float f(bfloat x, half h) { return x * h; }", "*"},
    Refusal{"MinOfIntAndFloat", "float f(int a, float b) { return min(a, b); }", "ambiguous"},
    Refusal{"MinOfIntAndLong", "long f(long b) { return min(1, b); }", "ambiguous"},
    Refusal{"MaxOfFloatAndInt", "float f(float a) { return max(a, 0); }", "ambiguous"},
    Refusal{"ClampOfHalfByFloats", "half f(half a) { return clamp(a, 0.0f, 1.0f); }", "ambiguous"},
    Refusal{"PowOfHalfAndFloat", "half f(half a) { return pow(a, 2.0f); }", "ambiguous"},
    Refusal{"ExpOfInt", "float f() { return exp(1); }", "ambiguous"},
    Refusal{"NoLog1p", "float f(float x) { return log1p(x); }", "undeclared"},
    Refusal{"AsTypeOfOtherSize", "uint2 f(float x) { return as_type<uint2>(x); }", "same size"},
    Refusal{"AsTypeOfPointer", "ulong f(device int* p) { return as_type<ulong>(p); }", "as_type"},
    Refusal{"SimdSumOfLong", "long f(long x) { return simd_sum(x); }", "simd_sum"},
    Refusal{"MatrixOfOtherShape", "void f(thread float4x4& m) { m = float3x3(1); }", ""},
    Refusal{"MatrixOfOtherElements", "void f(half4x4 h) { float4x4 m = h; }", "float4x4"},
    Refusal{"MatrixOfTooFewScalars", "float2x2 f() { return float2x2(1, 2, 3); }", "float2x2"},
    Refusal{"SimdgroupMatrixOfInt", "void f() { simdgroup_matrix<int, 8, 8> m; }", "simdgroup_matrix"},
    Refusal{"SimdgroupMatrixOfFour", "void f() { simdgroup_matrix<float, 4, 4> m; }", "simdgroup_matrix"},
    Refusal{"AtomicOnPlainInt", "void f(device int* p) { atomic_fetch_add_explicit(p, 1, memory_order_relaxed); }",
            "atomic_fetch_add_explicit"},
    Refusal{"AtomicMaxOfFloat",
            "void f(device atomic_float* p) { atomic_fetch_max_explicit(p, 1.0f, memory_order_relaxed); }",
            "atomic_fetch_max_explicit"},
    Refusal{"ReleaseOrder", "void f(device atomic_int* p) { atomic_store_explicit(p, 1, memory_order_release); }",
            "memory_order_release"},
    Refusal{"AtomicRead", "int f(device atomic_int* p) { return *p; }", "atomic_int"},
    Refusal{"AtomicCopied", "void f(device atomic_int* p) { p[0] = p[1]; }", ""},
    Refusal{"AtomicOfShort", "void f(device atomic<short>* p) {}", "atomic"},
};

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, AtItsLineInTheLanguagesWords) {
  const auto parsed = parse(with_library(GetParam().text));
  ASSERT_FALSE(parsed.has_value());
  const auto& diagnostics = parsed.error().diagnostics();
  ASSERT_FALSE(diagnostics.empty());
  EXPECT_EQ(diagnostics.front().severity, Severity::Error);
  EXPECT_EQ(diagnostics.front().file, "test.metal");
  EXPECT_EQ(diagnostics.front().line, 3u);
  EXPECT_THAT(diagnostics.front().message, testing::HasSubstr(GetParam().message));
  for (const char* internal : {"ext_vector_type", "_Float16", "vec<", "__msl"}) {
    EXPECT_THAT(diagnostics.front().message, testing::Not(testing::HasSubstr(internal)));
  }
}

INSTANTIATE_TEST_SUITE_P(Snippets, Refused, testing::ValuesIn(kRefusals),
                         [](const auto& p) { return std::string(p.param.name); });

}  // namespace
}  // namespace anymetal::tests
