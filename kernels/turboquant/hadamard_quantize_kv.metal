#include <metal_stdlib>
#include "common/turboquant.h"
using namespace metal;
using namespace anymetal;

// kernels: hadamard_quantize_kv_fast_d256 hadamard_quantize_kv_fast_d512
// kernels: hadamard_quantize_kv_hb_d256 hadamard_quantize_kv_hb_d512
// kernels: hadamard_quantize_kv_hb_dual_d256 hadamard_quantize_kv_hb_dual_d512

struct QuantizeParams {
  uint head_dim;  // unused: fixed by the name
  uint num_kv_heads;
  uint write_pos;
  uint cache_capacity;
  uint is_sliding;
  float scale_factor_d512;
  uint option;  // 4 bits: whether the scaled values are wanted; else the width of the codes
};
static_assert(sizeof(QuantizeParams) == 28, "layout");

// Row of the cache that this call writes for a head; false where there is none: no such head, or past the capacity.
inline bool cache_row(constant QuantizeParams& p, uint head, thread ulong& row) {
  const bool wraps = p.is_sliding != 0 && p.cache_capacity > 0;
  const uint position = wraps ? p.write_pos % p.cache_capacity : p.write_pos;
  row = ulong(head) * p.cache_capacity + position;
  return head < p.num_kv_heads && position < p.cache_capacity;
}

// Rotates one head, stores the norms of its blocks, and leaves in `x` the lane's values scaled for the codebook: times
// 16 / norm where the head is one block, times scale_factor_d512 / norm in longer heads; 0 where the norm is negligible.
template <int kDim>
void rotate_and_scale(device const float* src, device float* norms, float scale_factor, uint lane, thread float* x) {
  constexpr int kOwned = kDim / 32;
  constexpr bool kOneBlock = kDim == kTurboBlock;
  turbo_rotate<kOwned>(x, src, lane);

  float squares = 0.0f;
  for (int i = 0; i < kOwned; ++i) squares += x[i] * x[i];
  const uint block = lane * kOwned / kTurboBlock;
  float norm = 0.0f;
  for (uint b = 0; b < kDim / kTurboBlock; ++b) {
    const float sum = simd_sum(block == b ? squares : 0.0f);
    if (block == b) norm = precise::sqrt(kOneBlock ? sum : sum / kTurboBlock);
  }
  if (lane * kOwned % kTurboBlock == 0) norms[block] = norm;

  const float inverse = 1.0f / norm, scale = kOneBlock ? 16.0f : scale_factor;
  for (int i = 0; i < kOwned; ++i) x[i] = norm <= 1e-10f ? 0.0f : x[i] * inverse * scale;
}

/// One position of a 4-bit cache: codes of the rotated and scaled elements, two in a byte, the even one in the low bits.
///
/// buffer 0: src f32 [H_kv, D]; 1: packed u8 [H_kv, CAP, D/2]; 2: norms f32 [H_kv, CAP, D/256], the length of the rotated
/// head (D = 256) or the root mean square of each block of 256; 3: QuantizeParams; 4: f32 [H_kv, D], the scaled values,
/// written if `option` is not 0, else any buffer
/// The position is write_pos, modulo CAP if is_sliding; one past the capacity is not written.
/// grid: threadgroups (H_kv), 32 threads. tolerance: norms 1e-6 |ref|, codes exact but at boundaries
template <int kDim>
kernel void hadamard_quantize_kv_fast(device const float* src [[buffer(0)]],
                                      device uchar* packed [[buffer(1)]],
                                      device float* norms [[buffer(2)]],
                                      constant QuantizeParams& p [[buffer(3)]],
                                      device float* scaled [[buffer(4)]],
                                      uint head [[threadgroup_position_in_grid]],
                                      uint lane [[thread_index_in_simdgroup]]) {
  constexpr int kOwned = kDim / 32;
  ulong row;
  if (!cache_row(p, head, row)) return;
  float x[kOwned];
  rotate_and_scale<kDim>(src + ulong(head) * kDim, norms + row * (kDim / kTurboBlock), p.scale_factor_d512, lane, x);
  device uchar* codes = packed + row * (kDim / 2) + lane * kOwned / 2;
  for (int i = 0; i < kOwned / 2; ++i) codes[i] = uchar(turbo_code(x[2 * i], 4) | turbo_code(x[2 * i + 1], 4) << 4);
  if (p.option == 0) return;
  for (int i = 0; i < kOwned; ++i) scaled[ulong(head) * kDim + lane * kOwned + i] = x[i];
}

// One head's position with a byte for each code.
template <int kDim>
void quantize_bytes(device const float* src, device uchar* packed, device float* norms, constant QuantizeParams& p,
                    uint head, uint lane) {
  constexpr int kOwned = kDim / 32;
  ulong row;
  if (!cache_row(p, head, row)) return;
  float x[kOwned];
  rotate_and_scale<kDim>(src + ulong(head) * kDim, norms + row * (kDim / kTurboBlock), p.scale_factor_d512, lane, x);
  const uint bits = turbo_byte_bits(p.option);
  device uchar* codes = packed + row * kDim + lane * kOwned;
  for (int i = 0; i < kOwned; ++i) codes[i] = uchar(turbo_code(x[i], bits));
}

/// One position of a cache of 5, 6 or 8 bits, a byte for each code.
///
/// buffer 0: src f32 [H_kv, D]; 1: packed u8 [H_kv, CAP, D]; 2: norms as in the 4-bit form; 3: QuantizeParams, `option` the
/// width: 5, 6, or any other number for 8
/// grid: threadgroups (H_kv), 32 threads. tolerance: as the 4-bit form
template <int kDim>
kernel void hadamard_quantize_kv_hb(device const float* src [[buffer(0)]],
                                    device uchar* packed [[buffer(1)]],
                                    device float* norms [[buffer(2)]],
                                    constant QuantizeParams& p [[buffer(3)]],
                                    uint head [[threadgroup_position_in_grid]],
                                    uint lane [[thread_index_in_simdgroup]]) {
  quantize_bytes<kDim>(src, packed, norms, p, head, lane);
}

/// hadamard_quantize_kv_hb of keys and values together.
///
/// buffer 0, 1: src of K and V; 2, 3: packed; 4, 5: norms; 6: QuantizeParams
/// grid: threadgroups (H_kv, 1, 2), 32 threads; z = 0 is K. tolerance: the same bytes as two single calls
template <int kDim>
kernel void hadamard_quantize_kv_hb_dual(device const float* src_k [[buffer(0)]],
                                         device const float* src_v [[buffer(1)]],
                                         device uchar* packed_k [[buffer(2)]],
                                         device uchar* packed_v [[buffer(3)]],
                                         device float* norms_k [[buffer(4)]],
                                         device float* norms_v [[buffer(5)]],
                                         constant QuantizeParams& p [[buffer(6)]],
                                         uint3 group [[threadgroup_position_in_grid]],
                                         uint lane [[thread_index_in_simdgroup]]) {
  const bool is_k = group.z == 0;
  quantize_bytes<kDim>(is_k ? src_k : src_v, is_k ? packed_k : packed_v, is_k ? norms_k : norms_v, p, group.x, lane);
}

#define INSTANTIATE(D) \
  template [[host_name("hadamard_quantize_kv_fast_d" #D)]] kernel void hadamard_quantize_kv_fast<D>( \
      device const float*, device uchar*, device float*, constant QuantizeParams&, device float*, uint, uint); \
  template [[host_name("hadamard_quantize_kv_hb_d" #D)]] kernel void hadamard_quantize_kv_hb<D>( \
      device const float*, device uchar*, device float*, constant QuantizeParams&, uint, uint); \
  template [[host_name("hadamard_quantize_kv_hb_dual_d" #D)]] kernel void hadamard_quantize_kv_hb_dual<D>( \
      device const float*, device const float*, device uchar*, device uchar*, device float*, device float*, \
      constant QuantizeParams&, uint3, uint);
INSTANTIATE(256)
INSTANTIATE(512)
