// Discrete transforms in threadgroup memory, as libraries of them write: butterflies of any radix by templates, twiddles in a table or by
// functions, lengths by function constants, two halves that change places.
#include <metal_stdlib>
using namespace metal;
constant uint kLength [[function_constant(330)]];
constant bool kInverse [[function_constant(331)]];
constant bool kScaled_ [[function_constant(332)]];
constant bool kScaled = is_function_constant_defined(kScaled_) ? kScaled_ : kInverse;
constant float kSign = kInverse ? 1.0f : -1.0f;
constant uint kStages4 = (31 - clz(kLength)) / 2, kStages2 = (31 - clz(kLength)) % 2;
typedef float2 cfloat;
METAL_FUNC cfloat mul(cfloat a, cfloat b) { return cfloat(fma(a.x, b.x, -a.y * b.y), fma(a.x, b.y, a.y * b.x)); }
METAL_FUNC cfloat turned(cfloat a, float sign) { return sign * a.yx * cfloat(-1, 1); }
constant cfloat eighths[8] = {{1, 0}, {M_SQRT1_2_F, M_SQRT1_2_F}, {0, 1}, {-M_SQRT1_2_F, M_SQRT1_2_F}, {-1, 0}, {-M_SQRT1_2_F, -M_SQRT1_2_F}, {0, -1}, {M_SQRT1_2_F, -M_SQRT1_2_F}};
template <ushort R> struct butterfly {
  static void run(thread cfloat (&v)[R]) {
    cfloat o[R];
    for (ushort k = 0; k < R; ++k) {
      o[k] = v[0];
      for (ushort n = 1; n < R; ++n) {
        float c;
        const float s = precise::sincos(kSign * 2 * M_PI_F * ((k * n) % R) / R, c);
        o[k] += mul(v[n], cfloat(c, s));
      }
    }
    for (ushort k = 0; k < R; ++k) v[k] = o[k];
  }
};
template <> struct butterfly<2> { static void run(thread cfloat (&v)[2]) { const cfloat t = v[0]; v[0] = t + v[1]; v[1] = t - v[1]; } };
template <> struct butterfly<4> {
  static void run(thread cfloat (&v)[4]) {
    cfloat a[2] = {v[0], v[2]}, b[2] = {v[1], v[3]};
    butterfly<2>::run(a);
    butterfly<2>::run(b);
    b[1] = turned(b[1], kSign);
    v[0] = a[0] + b[0]; v[2] = a[0] - b[0];
    v[1] = a[1] + b[1]; v[3] = a[1] - b[1];
  }
};
template <ushort R, typename Twiddle> METAL_FUNC void stage(threadgroup cfloat* to, const threadgroup cfloat* from, uint n, uint p, uint lid, uint threads, Twiddle twiddle) {
  for (uint i = lid; i < n / R; i += threads) {
    const uint k = i % p;
    cfloat v[R];
    for (ushort r = 0; r < R; ++r) v[r] = mul(from[i + r * (n / R)], twiddle(r * k, p * R));
    butterfly<R>::run(v);
    threadgroup cfloat* at = to + (i / p) * p * R + k;
    for (ushort r = 0; r < R; ++r) at[r * p] = v[r];
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
}
[[max_total_threads_per_threadgroup(256)]] kernel void transform(device const cfloat* in [[buffer(0)]], device cfloat* out [[buffer(1)]], uint lid [[thread_index_in_threadgroup]], uint threads [[threads_per_threadgroup]],
                                                                 uint row [[threadgroup_position_in_grid]]) {
  threadgroup cfloat halves[2][256];
  threadgroup cfloat *from = halves[0], *to = halves[1];
  in += row * kLength; out += row * kLength;
  for (uint i = lid; i < kLength; i += threads) from[i] = in[i];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const auto twiddle = [](uint k, uint n) {
    if (n == 8) { const cfloat w = eighths[k % 8]; return cfloat(w.x, kSign * w.y); }
    float c;
    const float s = precise::sincos(kSign * 2 * M_PI_F * k / n, c);
    return cfloat(c, s);
  };
  uint p = 1;
#define SWAP_HALVES() { threadgroup cfloat* other = from; from = to; to = other; }
  for (uint s = 0; s < kStages4; ++s, p *= 4) { stage<4>(to, from, kLength, p, lid, threads, twiddle); SWAP_HALVES() }
  if (kStages2) { stage<2>(to, from, kLength, p, lid, threads, twiddle); SWAP_HALVES() }
#undef SWAP_HALVES
  const float scale = kScaled ? 1.0f / kLength : 1;
  for (uint i = lid; i < kLength; i += threads) out[i] = from[i] * scale;
}
// Any radix once: the transform of `R` numbers by each thread.
template <ushort R> kernel void transform_each(device cfloat* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  cfloat v[R];
  for (ushort r = 0; r < R; ++r) v[r] = x[i * R + r];
  butterfly<R>::run(v);
  for (ushort r = 0; r < R; ++r) x[i * R + r] = v[r];
}
template [[host_name("transform_each_3")]] kernel void transform_each<3>(device cfloat*, uint);
template [[host_name("transform_each_4")]] kernel void transform_each<4>(device cfloat*, uint);
template [[host_name("transform_each_7")]] kernel void transform_each<7>(device cfloat*, uint);
