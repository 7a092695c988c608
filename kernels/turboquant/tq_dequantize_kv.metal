#include <metal_stdlib>
#include "common/nvidia.h"
#include "common/turboquant.h"
using namespace metal;
using namespace anymetal;

// One head of a cache: codes, and norms_per_pos norms for each position.
struct CacheShape {
  uint head_dim, capacity, norms_per_pos;
  float scale_factor;

  // What the centroid of coordinate d is multiplied by.
  float gain(device const float* norms, ulong row, uint d) const {
    const uint block = head_dim > kTurboBlock && norms_per_pos > 0 ? min(d / kTurboBlock, norms_per_pos - 1) : 0;
    return turbo_gain(norms[row * norms_per_pos + block], head_dim, scale_factor);
  }
  // Value of coordinate d, in the rotated domain, from its code.
  float value(device const float* norms, ulong row, uint d, uint code, uint bits) const { return turbo_centroid(code, bits) * gain(norms, row, d); }
};

struct DequantizeParams {
  uint head_dim, num_kv_heads, read_pos, cache_capacity, norms_per_pos;
  float scale_factor_d512;
};
static_assert(sizeof(DequantizeParams) == 24, "layout");

/// One position of a 4-bit cache as f32, still rotated: centroid times norm / sqrt(D) where D <= 256, times the block's norm
/// / scale_factor_d512 in longer heads. A position past the capacity gives zeros.
///
/// buffer 0: packed u8 [H_kv, CAP, D/2]; 1: norms f32 [H_kv, CAP, norms_per_pos]; 2: dst f32 [H_kv, D]; 3: DequantizeParams
/// grid: threadgroups (H_kv), any threadgroup size. tolerance: 1e-6 |ref|
kernel void tq_dequantize_kv(device const uchar* packed [[buffer(0)]],
                             device const float* norms [[buffer(1)]],
                             device float* dst [[buffer(2)]],
                             constant DequantizeParams& p [[buffer(3)]],
                             uint head [[threadgroup_position_in_grid]],
                             uint index [[thread_index_in_threadgroup]],
                             uint size [[threads_per_threadgroup]]) {
  if (head >= p.num_kv_heads) return;
  const CacheShape cache = {p.head_dim, p.cache_capacity, p.norms_per_pos, p.scale_factor_d512};
  const ulong row = ulong(head) * p.cache_capacity + p.read_pos;
  device const uchar* codes = packed + row * (p.head_dim / 2);
  for (uint d = index; d < p.head_dim; d += size) {
    const bool stored = p.read_pos < p.cache_capacity;
    dst[ulong(head) * p.head_dim + d] = stored ? cache.value(norms, row, d, codes[d / 2] >> d % 2 * 4, 4) : 0.0f;
  }
}

// Positions first_pos and on of a cache with a byte for each code: token `token` of head `head`, to dst [H_kv, tokens, D].
inline void dequantize_bytes(device const uchar* packed, device const float* norms, device float* dst, CacheShape cache,
                             uint head, uint first_pos, uint token, uint tokens, uint width, uint index, uint size) {
  const ulong position = ulong(first_pos) + token;
  const ulong row = ulong(head) * cache.capacity + position;
  device const uchar* codes = packed + row * cache.head_dim;
  device float* out = dst + (ulong(head) * tokens + token) * cache.head_dim;
  const uint bits = turbo_byte_bits(width);
  for (uint d = index; d < cache.head_dim; d += size) {
    out[d] = position < cache.capacity ? cache.value(norms, row, d, codes[d], bits) : 0.0f;
  }
}

struct DequantizeBytesParams {
  uint head_dim, num_kv_heads, read_pos, cache_capacity, norms_per_pos;
  float scale_factor_d512;
  uint codebook_bits;
};
static_assert(sizeof(DequantizeBytesParams) == 28, "layout");

/// tq_dequantize_kv of a cache with a byte for each code, of 5, 6 or (any other codebook_bits) 8 bits; the bits above the
/// width are ignored.
///
/// buffer 0: packed u8 [H_kv, CAP, D]; 1: norms f32 [H_kv, CAP, norms_per_pos]; 2: dst f32 [H_kv, D];
/// 3: DequantizeBytesParams
/// grid: threadgroups (H_kv), any threadgroup size. tolerance: 1e-6 |ref|
kernel void tq_dequantize_hb_kv(device const uchar* packed [[buffer(0)]],
                                device const float* norms [[buffer(1)]],
                                device float* dst [[buffer(2)]],
                                constant DequantizeBytesParams& p [[buffer(3)]],
                                uint head [[threadgroup_position_in_grid]],
                                uint index [[thread_index_in_threadgroup]],
                                uint size [[threads_per_threadgroup]]) {
  if (head >= p.num_kv_heads) return;
  const CacheShape cache = {p.head_dim, p.cache_capacity, p.norms_per_pos, p.scale_factor_d512};
  dequantize_bytes(packed, norms, dst, cache, head, p.read_pos, 0, 1, p.codebook_bits, index, size);
}

struct DequantizeRangeParams {
  uint head_dim, num_kv_heads, start_pos, n_tokens, cache_capacity, norms_per_pos;
  float scale_factor_d512;
  uint codebook_bits;
};
static_assert(sizeof(DequantizeRangeParams) == 32, "layout");

#if ANYMETAL_NVIDIA
// Positions that a threadgroup of tq_dequantize_hb_kv_seq does.
constant constexpr uint kPositions = 16;

// dequantize_bytes for kPositions positions from `token` on, four codes side by side a thread. Neighbours look up different codes, which constants
// answer one by one: `centroids`, 256 elements of threadgroup memory, do not. All threads must call.
inline void dequantize_positions(device const uchar* packed, device const float* norms, device float* dst, CacheShape cache, threadgroup float* centroids, uint head,
                                 uint first_pos, uint token, uint tokens, uint width, uint index, uint size) {
  const uint bits = turbo_byte_bits(width), fours = cache.head_dim / 4, end = min(kPositions, tokens - token);
  for (uint code = index; code < 256; code += size) centroids[code] = turbo_centroid(code, bits);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint t = index / fours, i = index % fours; t < end;) {
    const ulong position = ulong(first_pos) + token + t, row = ulong(head) * cache.capacity + position;
    float4 values = 0.0f;
    if (position < cache.capacity) {
      const uint word = *(device const uint*)(packed + row * cache.head_dim + 4 * i);
      const float gain = cache.gain(norms, row, 4 * i);
      for (uint e = 0; e < 4; ++e) values[e] = centroids[word >> 8 * e & 0xff] * gain;
    }
    *(device float4*)(dst + (ulong(head) * tokens + token + t) * cache.head_dim + 4 * i) = values;
    for (i += size; i >= fours; i -= fours) ++t;
  }
}
#endif

/// tq_dequantize_hb_kv of n_tokens positions from start_pos on. Positions do not wrap.
///
/// buffer 0: packed u8 [H_kv, CAP, D]; 1: norms f32 [H_kv, CAP, norms_per_pos]; 2: dst f32 [H_kv, n_tokens, D];
/// 3: DequantizeRangeParams
/// grid: threadgroups (H_kv, n_tokens), any threadgroup size. tolerance: the same bits as tq_dequantize_hb_kv
kernel void tq_dequantize_hb_kv_seq(device const uchar* packed [[buffer(0)]],
                                    device const float* norms [[buffer(1)]],
                                    device float* dst [[buffer(2)]],
                                    constant DequantizeRangeParams& p [[buffer(3)]],
                                    uint3 group [[threadgroup_position_in_grid]],
                                    uint index [[thread_index_in_threadgroup]],
                                    uint3 size [[threads_per_threadgroup]]) {
  if (group.x >= p.num_kv_heads || group.y >= p.n_tokens) return;
  const CacheShape cache = {p.head_dim, p.cache_capacity, p.norms_per_pos, p.scale_factor_d512};
  const uint threads = size.x * size.y * size.z;
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<1, kPositions>();
  if (group.y % kPositions != 0) return;
  threadgroup float centroids[256];
  if (p.head_dim % 4 == 0 && ulong(packed) % 4 == 0 && ulong(dst) % 16 == 0) {
    dequantize_positions(packed, norms, dst, cache, centroids, group.x, p.start_pos, group.y, p.n_tokens, p.codebook_bits, index, threads);
  } else {
    for (uint token = group.y; token < min(group.y + kPositions, p.n_tokens); ++token) {
      dequantize_bytes(packed, norms, dst, cache, group.x, p.start_pos, token, p.n_tokens, p.codebook_bits, index, threads);
    }
  }
  return;
#endif
  dequantize_bytes(packed, norms, dst, cache, group.x, p.start_pos, group.y, p.n_tokens, p.codebook_bits, index, threads);
}
