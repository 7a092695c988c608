// Sparse rows, a Fourier transform in threadgroup memory, components by compare-and-exchange, a sort across lanes
#include <metal_stdlib>
using namespace metal;
template <typename I, typename T> [[kernel]] void spmv(device const I* rows [[buffer(0)]], device const I* columns [[buffer(1)]], device const T* values [[buffer(2)]], device const T* x [[buffer(3)]], device T* y [[buffer(4)]],
    uint row [[threadgroup_position_in_grid]], uint lane [[thread_index_in_simdgroup]], uint width [[threads_per_simdgroup]]) {
  T sum{}; for (I k = rows[row] + I(lane); k < rows[row + 1]; k += I(width)) sum = fma(values[k], x[columns[k]], sum);
  sum = simd_sum(sum); if (simd_is_first()) y[row] = sum;
}
template [[host_name("spmv_i32_f32")]] [[kernel]] void spmv<int, float>(device const int*, device const int*, device const float*, device const float*, device float*, uint, uint, uint);
template [[host_name("spmv_u64_f16")]] [[kernel]] void spmv<ulong, half>(device const ulong*, device const ulong*, device const half*, device const half*, device half*, uint, uint, uint);
struct cfloat { float2 v; };
inline cfloat operator*(cfloat a, cfloat b) { return {float2(a.v.x * b.v.x - a.v.y * b.v.y, a.v.x * b.v.y + a.v.y * b.v.x)}; }
inline cfloat operator+(cfloat a, cfloat b) { return {a.v + b.v}; }
inline cfloat operator-(cfloat a, cfloat b) { return {a.v - b.v}; }
template <uint N> void fft(threadgroup cfloat (&s)[N], uint t) {
  for (uint half_n = 1; half_n < N; half_n *= 2) {
    const uint k = t % half_n, at = (t / half_n) * half_n * 2 + k; const float angle = -M_PI_F * float(k) / float(half_n);
    const cfloat w{{cos(angle), sin(angle)}}, a = s[at], b = s[at + half_n] * w;
    s[at] = a + b; s[at + half_n] = a - b; threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}
kernel void fft32(device const float2* in [[buffer(0)]], device float2* out [[buffer(1)]], uint t [[thread_index_in_threadgroup]]) {
  threadgroup cfloat s[32];
  for (uint k = t; k < 32; k += 16) s[reverse_bits(k) >> 27].v = in[k];
  threadgroup_barrier(mem_flags::mem_threadgroup); fft(s, t);
  for (uint k = t; k < 32; k += 16) out[k] = s[k].v;
}
inline uint find_root(device atomic_uint* parent, uint v) { uint p; while ((p = atomic_load_explicit(&parent[v], memory_order_relaxed)) != v) v = p; return v; }
kernel void unite(device atomic_uint* parent [[buffer(0)]], device const uint2* edges [[buffer(1)]], device atomic_float* weight [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  uint a = edges[i].x, b = edges[i].y;
  for (;;) { a = find_root(parent, a); b = find_root(parent, b); if (a == b) break; if (a < b) { const uint t = a; a = b; b = t; }
    uint expected = a; if (atomic_compare_exchange_weak_explicit(&parent[a], &expected, b, memory_order_relaxed, memory_order_relaxed)) break; }
  atomic_fetch_add_explicit(weight, float(edges[i].y) * 0.5f, memory_order_relaxed);
}
kernel void lane_sort(device float* x [[buffer(0)]], uint i [[thread_position_in_grid]], ushort lane [[thread_index_in_simdgroup]]) {
  float v = x[i];
  for (ushort k = 2; k <= 32; k <<= 1) for (ushort j = k >> 1; j; j >>= 1) { const float o = simd_shuffle_xor(v, j); const bool up = !(lane & k), low = !(lane & j); v = (up == low) ? min(v, o) : max(v, o); }
  x[i] = v; if (simd_any(v != v)) x[i] = -1;
}
