// Section 5.3 to 5.7, 5.13 to 5.17: library functions outside SIMD-groups. Accuracy is tested elsewhere.
#include "msl_conformance/features.hpp"

namespace msl_conformance {
namespace {

const Feature kFeatures[] = {
    {"common: clamp, saturate, mix, sign, step, smoothstep, on scalars and vectors",
     "",
     "float f = n[3]; o[0] = clamp(f, 0.0f, 2.0f) + clamp(n[9], 1, 5); o[1] = saturate(f) + saturate(-f); o[2] = "
     "mix(float2(0, 10), float2(10, 20), 0.5f).y; o[3] = sign(-f) * 10 + sign(half(f)); o[4] = step(2.0f, f) + "
     "step(float3(4), float3(f)).x; o[5] = smoothstep(0.0f, 6.0f, f) * 10; o[6] = clamp(int4(n[9]), 0, 7).w;",
     {7, 1, 15, -9, 1, 5, 7}},
    {"integer: abs, absdiff, saturating and halving sums, high products",
     "static_assert(is_same_v<decltype(absdiff(1, 2)), uint>);",
     "o[0] = abs(-5 - n[0]); o[1] = absdiff(char(-100), char(100 + n[0])); o[2] = addsat(short(32000), short(1000 + "
     "n[0])); o[3] = subsat(5u, 7u + n[0]); o[4] = madsat(100000, 100000, n[0]); o[5] = hadd(-1, n[0]) * 10 + rhadd(3, "
     "4); o[6] = mulhi(0x40000000, 8 + n[0]); o[7] = mulhi(ulong(1) << 63, ulong(6)); o[8] = mad24(3, 4, 5) + mul24(2, "
     "3); o[9] = madhi(1 << 30, 8, 1);",
     {5, 200, 32767, 0, 2147483647, -6, 2, 3, 23, 3}},
    {"integer: bits",
     "",
     "o[0] = clz(uint(n[1])) * 100 + ctz(8) * 10 + popcount(uchar(255)); o[1] = clz(uchar(0)) + ctz(ushort(0)); o[2] = "
     "rotate(0x80000001u, uint(n[4])); o[3] = reverse_bits(uchar(1 + n[0])); o[4] = extract_bits(0xabcdu, uint(n[4]), "
     "8); o[5] = extract_bits(-1, 0, 4); o[6] = insert_bits(0u, 0xfu, 4u, 8u); o[7] = rotate(uchar2(0x81), "
     "uchar2(1)).x; o[8] = popcount(ulong(-1l));",
     {3138, 24, 24, 128, 0xbc, -1, 0xf0, 3, 64}},
    {"min, max, their three-argument forms, medians, on integers and floats",
     "",
     "o[0] = min(n[3], n[5]) * 10 + max(3u, 4u); o[1] = max3(n[1], 7, 3) * 10 + min3(4, 2, 3); o[2] = median3(n[5], 9, "
     "1); float f = n[2], nan = as_type<float>(0x7fc00000 + n[0]); o[3] = fmin(f, nan) + max(nan, f); o[4] = "
     "fmax3(1.0f, f, 5.0f) * 10 + fmedian3(3.0h, 1.0h, 2.0h); o[5] = max(int4(1, 5, 2, 8), 3).z + min(half2(1, 2), "
     "half2(2, 1)).y;",
     {34, 72, 5, 4, 52, 4}},
    {"relational: classification, all, any, not, select",
     "",
     "float inf = 1 / float(n[0]), nan = inf - inf; o[0] = isinf(inf) * 1000 + isnan(nan) * 100 + isfinite(inf) * 10 + "
     "isnormal(1.0f); o[1] = signbit(-0.0f * n[1]) + any(isnan(float2(1, nan))) + isinf(half(inf)); o[2] = "
     "isordered(1.0f, nan) * 10 + isunordered(1.0f, nan); bool2 b = not(bool2(true, false)); o[3] = b.x * 10 + b.y; "
     "o[4] = select(1.5f, 2.5f, n[1] == 1) * 2; o[5] = isnan(bfloat(nan)) + select(3, 4, false);",
     {1101, 3, 1, 1, 5, 4}},
    {"math: rounding, parts, remainders",
     "",
     "float f = n[7] * 0.5f; o[0] = trunc(-f) * 1000 + floor(-f) * 100 + ceil(f) * 10 + round(f); o[1] = rint(2.5f + "
     "n[0]) * 10 + fract(f) * 4; float whole; o[2] = modf(-f, whole) * 10; o[3] = whole; int e; o[4] = frexp(f * 2, e) "
     "* 1000; o[5] = e; o[6] = ldexp(f, 3); o[7] = ilogb(f); o[8] = fmod(-7.0f, 2.5f + n[0]) * 10; o[9] = fdim(f, "
     "1.0f) * 2 + fma(2.0f, f, 1.0f) + copysign(3.0f, -f); int2 es; float2 r = frexp(float2(4, 6), es); o[10] = es.x * "
     "10 + r.y * 4; o[11] = divide(f, 0.5f); half hw; o[12] = modf(1.75h, hw) * 4 + hw;",
     {-3356, 22, -5, -3, 875, 3, 28, 1, -20, 10, 33, 7, 4}},
    {"math: exponentials, logarithms, powers and roots in all name sets",
     "",
     "float f = n[2]; o[0] = exp2(f) + exp10(f) + sqrt(f * 8); o[1] = log2(f * 4) * 100 + log10(100.0f) * 10 + "
     "round(log(exp(f))); o[2] = pow(f, 3.0f) + powr(f, 4.0f) + rsqrt(0.25f) + n[0]; o[3] = precise::exp2(f) + "
     "fast::exp2(f) + precise::sqrt(4.0f) + fast::pow(2.0f, 2.0f); o[4] = exp(-INFINITY) == 0 && isinf(log(f * n[0])) "
     "&& exp(-200.0f * f) == 0; o[5] = half(exp2(half2(3)).y) + precise::max(1.0h, 2.0h);",
     {108, 322, 26, 14, 1, 10}},
    {"math: trigonometric and hyperbolic functions",
     "",
     "float f = n[1], c; float s = sincos(f * M_PI_2_F, c); o[0] = round(s * 100); o[1] = round(abs(c) * 100); o[2] = "
     "round(sinpi(0.5f * f) * 10 + cospi(f) + tanpi(0.25f) * 100); o[3] = round(atan2(f, f) * 1000) + round(asin(f) * "
     "1000); o[4] = tanh(1000.0f * f) + tanh(-1000.0f * f) + precise::tanh(1e6f); o[5] = round(cosh(f) * 1000) + "
     "round(acosh(2.0f) * 1000) + round(sinh(f) * 1000); o[6] = round(tan(f) * 1000) + round(atan(f) * 1000) + "
     "round(acos(0.0f) * 1000); half hc; half hs = sincos(0.0h, hc); o[7] = hs * 10 + hc; o[8] = round(asinh(f) * "
     "1000) + round(atanh(0.5f) * 1000); float2 vc; float2 vs = sincos(float2(0), vc); o[9] = vs.x + vc.y;",
     {100, 0, 109, 2356, 1, 4035, 3913, 1, 1430, 1}},
    {"geometric functions",
     "",
     "float3 a = float3(1, 2, n[2]), b = float3(2, 0, 1); o[0] = dot(a, b) * 10 + length(a); float3 c = cross(a, b); "
     "o[1] = c.x * 100 + c.y * 10 + c.z; o[2] = distance(a, float3(1, 2, 5)) + distance_squared(a, float3(1, 2, 5)) + "
     "length_squared(b); o[3] = round(normalize(a).x * 300); o[4] = faceforward(a, b, a).x; o[5] = reflect(float2(1, "
     "-1), float2(0, 1)).y; o[6] = round(refract(float2(0.0f, -1.0f), float2(0.0f, 1.0f), 0.5f).y * 10); o[7] = "
     "dot(half2(1, 2), half2(3, 4)); o[8] = fast::length(float2(3, 4)) + precise::distance(float2(0), float2(3, 4));",
     {43, 226, 17, 100, -1, 1, -10, 11, 10}},
    {"as_type between scalars and vectors of one size, in constant expressions too",
     "static_assert(as_type<uint>(1.0f) == 0x3f800000u && as_type<half>(ushort(0x3c00)) == 1.0h);",
     "o[0] = as_type<int>(float(n[1])) >> 20; o[1] = as_type<uchar4>(0x04030201u + n[0]).w; o[2] = "
     "as_type<ulong>(uint2(1, n[2])) >> 32; o[3] = as_type<half2>(0x3c004000u + n[0]).x; float3 v = "
     "as_type<float3>(uint3(0x40000000u)); o[4] = v.y; o[5] = as_type<ushort>(1.0bf); o[6] = "
     "as_type<float4>(float3(1)).x; o[7] = as_type<short2>(-1).y;",
     {0x3f8, 4, 2, 2, 2, 0x3f80, 1, -1}},
    {"pack and unpack",
     "",
     "uint p = pack_float_to_unorm4x8(float4(0, 1, 0.5f, 2) + n[0]); o[0] = p == 0xff80ff00u; float4 u = "
     "unpack_unorm4x8_to_float(p); o[1] = round(u.y * 10 + u.z * 100); o[2] = pack_float_to_snorm2x16(float2(-1, 1)) "
     "== 0x7fff8001u; o[3] = unpack_snorm2x16_to_float(0x80007fffu).y * 10; o[4] = "
     "unpack_unorm565_to_half(ushort(0xf800)).x * 10; o[5] = pack_half_to_snorm4x8(half4(1, -1, 0, 0)) == 0x0000817fu; "
     "o[6] = pack_float_to_unorm10a2(float4(1, 0, 0, 1)) == 0xc00003ffu; o[7] = "
     "round(unpack_unorm4x8_srgb_to_float(0xffffffffu).x + unpack_snorm4x8_to_half(0x7f).x); o[8] = "
     "pack_float_to_unorm2x16(float2(1, 0)) + pack_float_to_unorm565(float3(0, 0, 1)); o[9] = "
     "unpack_unorm10a2_to_float(0x3ffu).x + unpack_unorm2x16_to_half(0xffff0000u).y;",
     {1, 60, 1, -10, 0, 1, 1, 2, 65535 + (31 << 11), 2}},
    {"the library in constant expressions",
     "static_assert(min(3, 4) == 3 && max(2.0f, 3.0f) == 3.0f && abs(-3) == 3 && clamp(9, 1, 5) == 5 && popcount(7u) "
     "== 3 && clz(1u) == 31 && select(1, 2, true) == 2 && rotate(1u, 33u) == 2 && mulhi(1 << 30, 8) == 2); "
     "static_assert(dot(float2(1, 2), float2(3, 4)) == 11 && all(int2(1) == 1) && fabs(-2.0f) == 2 && sign(-3.0f) == "
     "-1 && saturate(2.0f) == 1);",
     "constexpr int v = max3(1, 5, 3); int a[v] = {0}; o[0] = sizeof(a) / 4 + a[0];",
     {5}},
    {"`__metal_*` internals and mode constants",
     "#pragma METAL internals : enable\ntemplate <int mode> float r(float x) { return __metal_sqrt(x, mode); }",
     "o[0] = __metal_fabs(-2.0f, __METAL_MAYBE_FAST_MATH__) + __metal_exp2(3.0f, __METAL_FAST_MATH__) + "
     "r<__METAL_PRECISE_MATH__>(9.0f); o[1] = __metal_fma(2.0f, 3.0f, 1.0f) + __metal_fmax3(1.0f, 2.0f, 3.0f, "
     "__METAL_FAST_MATH__) + __metal_ldexp(1.0f, 2, __METAL_FAST_MATH__); int e; o[2] = __metal_frexp(8.0f, &e) * 10 + "
     "e; o[3] = __metal_get_thread_index_in_simdgroup(ushort()) + __metal_get_simdgroup_size(ushort()); o[4] = "
     "__metal_simd_sum(3) + __metal_simd_shuffle(4, ushort(0)) + __metal_simd_max(2.0f); o[5] = __metal_simd_xor(6u) + "
     "__metal_simd_xor(2.0f);",
     {13, 14, 9, 32, 9, 8}},
    {"bfloat arguments take the float overload, min and max stay bfloat; user overloads win",
     "METAL_FUNC bfloat sqrt(bfloat x) { return bfloat(metal::sqrt(float(x)) + 1.0f); } "
     "static_assert(is_same_v<decltype(exp(1.0bf)), float>);",
     "bfloat larger = metal::max(2.0bf, 3.0bf); o[0] = int(larger); o[1] = int(sqrt(4.0bf)); o[2] = metal::fabs(-2.5bf) * 2; o[3] = fma(2.0bf, "
     "3.0bf, 1.0bf);",
     {3, 3, 5, 7}},
    {"logging compiles and is dropped",
     "#include <metal_logging>\nconstant metal::os_log logger(\"sub\", \"cat\");",
     "logger.log_debug(\"v %d\", n[1]); logger.log(\"x\"); os_log_default.log_error(\"y %f\", 1.0f); o[0] = 2;",
     {2}},
    {"math functions in constant expressions",
     "constant constexpr float kRoot = sqrt(2.0f), kHalf = rsqrt(4.0f), kE = exp(1.0f), kLog = log2(8.0f) + log(kE) + log10(100.0f); "
     "constexpr constant half kPower = pow(2.0h, 3.0h); constant constexpr float3 kDirection = normalize(float3(3, 0, 4)); constant "
     "float kTable[3] = {cospi(0.25f), precise::sin(1.0f), atan2(1.0f, 1.0f)}; static_assert(floor(-1.5f) == -2 && ceil(1.25f) == 2 && "
     "round(2.5f) == 3 && rint(2.5f) == 2 && trunc(-7.75f) == -7 && fma(2.0f, 3.0f, 4.0f) == 10 && fmod(7.5f, 2.0f) == 1.5f && "
     "fract(2.75f) == 0.75f && ldexp(1.5f, 3) == 12 && copysign(2.0f, -1.0f) == -2 && length(float2(3, 4)) == 5 && all(sqrt(float2(4, "
     "9)) == float2(2, 3)) && exp2(10.0f) == 1024 && tanh(0.0f) == 0 && int(tan(1.0f) * 1000) == 1557 && kRoot * kRoot > 1.9999f);",
     "threadgroup int sized[int(sqrt(81.0f))]; sized[0] = sizeof(sized) / 4; o[0] = sized[0]; o[1] = kRoot * 1000; o[2] = kHalf * 10 + "
     "kLog; o[3] = kPower; o[4] = kDirection[n[2]] * 100 + 0.5f; o[5] = kTable[n[0]] * 1000; o[6] = kTable[n[1]] * 1000; o[7] = "
     "kTable[n[2]] * 1000; o[8] = kE * 1000;",
     {9, 1414, 5 + 3 + 1 + 2, 8, 80, 707, 841, 785, 2718}},
};

}  // namespace

std::span<const Feature> library_functions() { return kFeatures; }

}  // namespace msl_conformance
