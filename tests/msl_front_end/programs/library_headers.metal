// Headers of a library: versions in namespaces, lists of types, conversions by traits, statistics merged across lanes
#if !defined(__METAL_VERSION__) || __METAL_VERSION__ < 200
#error too old
#endif
#ifdef __METAL__
#define HOST_DEVICE
#else
#include <cstdint>
#endif
#include <metal_stdlib>
#include <metal_pack>
#include <metal_type_traits>
using namespace metal;
#define LIB_BEGIN namespace lib { inline namespace v2 {
#define LIB_END } }
#define FOR_EACH_TYPE(M) M(float, f32) M(half, f16) M(int, i32) M(uchar, u8)
LIB_BEGIN
template <typename T> struct type_tag { using type = T; static constexpr constant int id = -1; };
#define TAG(T, N) template <> struct type_tag<T> { using type = T; static constexpr constant int id = __COUNTER__; };
FOR_EACH_TYPE(TAG)
template <typename To, typename From, enable_if_t<is_integral_v<To> && !is_integral_v<From>, int> = 0> To convert(From x) { return To(clamp(rint(float(x)), float(numeric_limits<To>::min()), float(numeric_limits<To>::max()))); }
template <typename To, typename From, enable_if_t<!(is_integral_v<To> && !is_integral_v<From>), int> = 0> To convert(From x) { return To(x); }
struct Stats { float mean = 0, m2 = 0; uint n = 0;
  void push(float x) { n++; const float d = x - mean; mean += d / n; m2 += d * (x - mean); }
  static Stats merge(Stats a, Stats b) { if (a.n == 0) return b; if (b.n == 0) return a; Stats r; r.n = a.n + b.n; const float d = b.mean - a.mean; r.mean = a.mean + d * b.n / r.n; r.m2 = a.m2 + b.m2 + d * d * a.n * b.n / r.n; return r; }
  Stats shuffled(ushort d) const { Stats s; s.mean = simd_shuffle_xor(mean, d); s.m2 = simd_shuffle_xor(m2, d); s.n = simd_shuffle_xor(n, d); return s; } };
LIB_END
#define CAST(T, N) \
kernel void cast_##N(device const float* in [[buffer(0)]], device T* out [[buffer(1)]], constant uint& n [[buffer(2)]], uint tid [[thread_position_in_grid]], uint tpg [[threads_per_grid]]) { \
  for (uint i = tid; i < n; i += tpg) out[i] = lib::convert<T>(in[i]); }
FOR_EACH_TYPE(CAST)
kernel void variance(device const float* in [[buffer(0)]], device float2* out [[buffer(1)]], constant uint& n [[buffer(2)]], threadgroup lib::Stats* scratch [[threadgroup(0)]],
    uint tid [[thread_index_in_threadgroup]], uint tpg [[threads_per_threadgroup]], uint sg [[simdgroup_index_in_threadgroup]], uint nsg [[simdgroups_per_threadgroup]], uint lane [[thread_index_in_simdgroup]]) {
  lib::Stats s; for (uint i = tid; i < n; i += tpg) s.push(in[i]);
  for (ushort d = 16; d; d >>= 1) s = lib::Stats::merge(s, s.shuffled(d));
  if (lane == 0) scratch[sg] = s;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (tid == 0) { lib::Stats all; for (uint k = 0; k < nsg; ++k) all = lib::Stats::merge(all, scratch[k]); out[0] = float2(all.mean, all.m2 / all.n); out[1] = float2(lib::type_tag<half>::id, lib::type_tag<char>::id); }
}
