// What the library headers must accept: one line each, all in one source, so that a failure names its line.

#include <array>

#include "msl_library/parse_support.hpp"

namespace anymetal::tests {
namespace {

struct Group {
  const char* name;
  const char* text;
};

constexpr std::array kGroups = {
    Group{"VectorConversions", R"(
float4 a(float s, half h, int i) { float4 v = 2; v = v * h; v += i; return v * s; }
half4 b(half4 w) { half4 r = w * 2.0f; return r + 1 - 0.5h; }
float4 c(int4 i) { return float4(i) + (float4)i + static_cast<float4>(i); }
float4 d(float2 p, float3 q) { return float4(p.xy, p.yx) + float4(q, 1) + float4(1, p, 1) + float4(1, 2, p) + float4(1, q); }
uint4 e(uint x) { uint4 v = {x, x + 1, 3}; return v; }
vec<half, 2> f() { return {1.0f, -1.0f}; }
short2 g(int x) { return short2{short(x), 2}; }
float4 h(bool p, float4 v) { return p ? v : 0.0f; }
vec<float, 8> i() { vec<float, 8> z{0}; z = z * 2.0f; return z; }
template <typename T, int N> T j(vec<T, N> v) { return v[N - 1]; }
int k(int4 v) { return j(v) + j(vec<int, 16>(3)); }
float3 l(packed_float3 p) { float3 v = p; p = v; return v + p + float3(packed_char3(1, 2, 3)); }
)"},
    Group{"VectorOperators", R"(
int4 a(int4 x, int4 y) { x += y; x <<= 1; x %= 3; x ^= y; ++x; y--; return ~x & y | (x << y) | (1 << y) | -x; }
bool4 b(float4 x, float4 y) { return !(x < y) && (x >= 1) || (x == y) | (x != 0.5f); }
bool c(float4 x) { return all(x > 0) || any(isnan(x)); }
short4 d(short4 x) { return x * x + short(2); }
float4 e(float4 v, float2 w) { v.xw = w; v.zyx *= 2; v.bgra = v; v.x += 1; v.y++; v[2] = 3; return v.xxyy + v.rgba; }
float f(thread float4& v) { thread float* p = (thread float*)&v; p[3] = 1; return v.w; }
)"},
    Group{"Bfloat", R"(
bfloat a(bfloat x, bfloat y) { x += y; x = x + 1; return x * y - x / y; }
float b(bfloat x) { return x + 1.0f; }
bfloat c(float f, half h, int i) { return bfloat(f) + (bfloat)h + static_cast<bfloat>(i); }
half d(bfloat x) { return half(x); }
bool e(bfloat x, bfloat y) { return x < y && x != 0 && bool(x); }
float f(bfloat x) { return exp(x) + max(x, x) + fabs(x); }
static_assert(!is_convertible_v<float, bfloat> && is_convertible_v<bfloat, float>);
static_assert(!is_convertible_v<half, bfloat> && !is_convertible_v<bfloat, half>);
static_assert(is_floating_point_v<bfloat> && is_floating_point_v<half> && is_arithmetic_v<bfloat>);
bfloat4 g(bfloat4 v, float4 w) { return v * bfloat4(w) + bfloat(1); }
bfloat h() { return 1.5bf; }
bfloat i(bfloat x) { return simd_sum(x) + simd_shuffle_xor(x, 1); }
)"},
    Group{"Literals", R"(
static_assert(is_same_v<decltype(1.0), float> && is_same_v<decltype(1.0h), half> && is_same_v<decltype(1.0h * 0.5h), half>);
static_assert(is_same_v<decltype(1.0h * 0.5), float> && is_same_v<decltype(1.0bf), bfloat> && is_same_v<decltype(1.0H), half>);
static_assert(is_same_v<decltype(half4(1) * 0.5), half4>);
)"},
    Group{"ConstantExpressions", R"(
static_assert(min(3, 4) == 3 && max(2.0f, 3.0f) == 3 && clamp(9, 1, 5) == 5 && abs(-3) == 3 && abs(INT_MIN) == INT_MIN);
static_assert(as_type<uint>(1.0f) == 0x3f800000u && as_type<float>(0x40000000u) == 2.0f && as_type<ushort>(1.0h) == 0x3c00);
static_assert(as_type<uint>(uchar4(1, 2, 3, 4)) == 0x04030201u && as_type<uint2>(0x100000002ul).x == 2);
static_assert(numeric_limits<half>::max() == 65504 && numeric_limits<float>::infinity() > FLT_MAX);
static_assert(numeric_limits<bfloat>::epsilon() == bfloat(0x1p-7f) && numeric_limits<char>::min() == -128);
static_assert(numeric_limits<ulong>::max() == ULONG_MAX && numeric_limits<long>::lowest() == LONG_MIN && numeric_limits<int>::digits == 31);
constexpr constant float4 v = {1, 2, 3, 4};
static_assert(v.x == 1 && v[3] == 4 && v.wzyx.y == 3 && (v * 2 + 1).z == 7 && all(v == v) && dot(v, v) == 30);
constexpr constant float2x2 m = float2x2(1, 2, 3, 4);
static_assert(m[1][0] == 3 && (m * float2(1, 1)).y == 6 && determinant(m) == -2 && transpose(m)[0].y == 3);
static_assert(determinant(float4x4(float4(2, 1, 0, 0), float4(0, 3, 1, 0), float4(0, 0, 4, 1), float4(1, 0, 0, 5))) == 119);
)"},
    Group{"OverloadSets", R"(
float4 a(float4 x, float s) { return max(x, 0.0f) + min(s, x) + clamp(x, 0, 1) + mix(x, 1, s) + step(0.5f, x) + smoothstep(0, 1, x); }
half2 b(half2 x) { return exp(x) + tanh(x) + pow(x, 2) + fma(x, x, 1) + rsqrt(x) + sign(x); }
float c(float x, thread float& y) { int e; return frexp(x, e) + modf(x, y) + sincos(x, y) + ldexp(x, e) + precise::exp(x) + fast::pow(x, y); }
int4 d(int4 x) { return max(x, 0) + rotate(x, 3) + popcount(x) + addsat(x, x) + select(x, 1, x > 0) + clz(x) + abs(x); }
uint e(int x) { return absdiff(x, 3) + extract_bits(uint(x), 3, 4) + mulhi(uint(x), 5u); }
uchar f(uchar x) { return clz(x) + rotate(x, uchar(3)) + madsat(x, x, x); }
float g(float3 a, float3 b) { return dot(a, b) + length(cross(a, b)) + distance(a, b) + normalize(a).x + reflect(a, b).y + refract(a, b, 0.5f).z; }
)"},
    Group{"UserCodeBesideTheLibrary", R"(
namespace metal {
METAL_FUNC bfloat exp(bfloat x) { return bfloat(exp(float(x))); }
METAL_FUNC bfloat4 exp(bfloat4 x) { return x; }
namespace precise { METAL_FUNC bfloat exp(bfloat x) { return x; } }
template <typename... T> struct make_void { typedef void type; };
template <typename... T> using void_t = typename make_void<T...>::type;
template <typename T> struct is_empty : bool_constant<__is_empty(T)> {};
template <typename T> struct pointer_element {};
}
inline ulong simd_sum(ulong x) { return x; }
inline float log1p(float x) { return x; }
inline float erf(float x) { return x; }
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
ulong a(ulong x) { return simd_sum(x); }
bfloat b(bfloat x) { return exp(x) + metal::precise::exp(x); }
float c(float x) { float min = x, max = log1p(x), select = 1; return min + max * select; }
template <typename T> T shuffle(T x, int n) { return x; }
template <typename T> T map(T x) { return x; }
template <typename T> T widen(T x) { return x; }
float4 d(float4 x) { return shuffle(x, 1) + map(x) + widen(x); }
)"},
};

class Acceptance : public testing::TestWithParam<Group> {};

TEST_P(Acceptance, Parses) {
  const auto parsed = parse(with_library(GetParam().text));
  EXPECT_TRUE(parsed.has_value()) << explain(parsed.error());
}

INSTANTIATE_TEST_SUITE_P(Groups, Acceptance, testing::ValuesIn(kGroups),
                         [](const auto& p) { return std::string(p.param.name); });

TEST(Headers, AllResolveInAnyOrder) {
  std::string text;
  for (const char* name : {"compute",
                           "stdlib",
                           "types",
                           "common",
                           "math",
                           "integer",
                           "relational",
                           "geometric",
                           "matrix",
                           "simdgroup",
                           "quadgroup",
                           "simdgroup_matrix",
                           "atomic",
                           "pack",
                           "limits",
                           "numeric",
                           "type_traits",
                           "array",
                           "uniform",
                           "logging",
                           "texture",
                           "graphics",
                           "pixel",
                           "raytracing",
                           "visible_function_table",
                           "command_buffer",
                           "mesh",
                           "curves",
                           "imageblocks",
                           "assert",
                           "utility",
                           "math"}) {
    text += "#include <metal_" + std::string(name) + ">\n";
  }
  const auto parsed =
      parse(text + "#include <TargetConditionals.h>\n#include <simd/simd.h>\nmetal::float4 f() { return 1; }\n");
  EXPECT_TRUE(parsed.has_value()) << explain(parsed.error());
}

}  // namespace
}  // namespace anymetal::tests
