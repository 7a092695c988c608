#include <metal_stdlib>
#include "cpu/codebook.h"
#include "cpu/share.h"
using namespace metal;
using namespace anymetal;

// kernels: tq_dequantize_kv tq_dequantize_hb_kv tq_dequantize_hb_kv_seq

// One head of a cache: codes, and norms_per_pos norms for each position.
struct CacheShape {
  uint head_dim, capacity, norms_per_pos;
  float scale_factor;

  // What multiplies the centroids of coordinates d .. d + kTurboBlock - 1.
  float gain(device const float* norms, ulong row, uint d) const {
    const uint block = head_dim > kTurboBlock && norms_per_pos > 0 ? min(d / kTurboBlock, norms_per_pos - 1) : 0;
    return turbo_gain(norms[row * norms_per_pos + block], head_dim, scale_factor);
  }
};

// The values of a position, whose codes have `bits` bits: centroids(row, d) are those of coordinates d .. d + 15, code(row, d) is that of
// one; zeros where it lies past the capacity.
template <class Centroids, class Code>
void decode_position(CacheShape cache, ulong head, ulong position, device const float* norms, device float* out, uint bits,
                     Centroids centroids, Code code) {
  const ulong row = head * cache.capacity + position;
  if (position >= cache.capacity) {
    for (uint d = 0; d < cache.head_dim; ++d) out[d] = 0.0f;
    return;
  }
  for (uint begin = 0; begin < cache.head_dim; begin += kTurboBlock) {
    const uint end = min(begin + kTurboBlock, cache.head_dim);
    const float gain = cache.gain(norms, row, begin);
    uint d = begin;
    for (; d + 16 <= end; d += 16) Wide::store(out + d, centroids(row, d) * gain);
#pragma clang loop vectorize(disable) unroll(disable)
    for (; d < end; ++d) out[d] = turbo_centroid(code(row, d), bits) * gain;
  }
}

struct DequantizeParams {
  uint head_dim, num_kv_heads, read_pos, cache_capacity, norms_per_pos;
  float scale_factor_d512;
};

// Codes of four bits, the even one of two in the low half of a byte.
inline WideU four_bits(device const uchar* p) {
  const Uint8 bytes = Lanes<8>::bytes(p);
  const WideU twice = __builtin_shufflevector(bytes, bytes, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return twice >> (WideU){0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4, 0, 4};
}

/// turboquant/tq_dequantize_kv.metal for a core that takes a head.
kernel void tq_dequantize_kv(device const uchar* packed [[buffer(0)]],
                             device const float* norms [[buffer(1)]],
                             device float* dst [[buffer(2)]],
                             constant DequantizeParams& p [[buffer(3)]],
                             uint head [[threadgroup_position_in_grid]]) {
  if (head >= p.num_kv_heads) return;
  const CacheShape cache = {p.head_dim, p.cache_capacity, p.norms_per_pos, p.scale_factor_d512};
  const ulong bytes = cache.head_dim / 2;
  const Codebook<1> book(4);
  decode_position(
      cache, head, p.read_pos, norms, dst + ulong(head) * cache.head_dim, 4,
      [=](ulong row, uint d) { return book(four_bits(packed + row * bytes + d / 2)); },
      [=](ulong row, uint d) { return uint(packed[row * bytes + d / 2]) >> d % 2 * 4; });
}

// Heads `begin` up to `end`, each of which has `tokens` positions in the output.
struct Heads {
  uint begin, end, tokens;
};

// `count` positions of each of these heads, of a cache with a byte for each code.
inline void decode_bytes(CacheShape cache, uint width, Heads heads, ulong first, uint count, device const uchar* packed, device const float* norms,
                         device float* out) {
  with_byte_codebook(width, [&](auto book) {
    for (uint head = heads.begin; head < heads.end; ++head) {
      for (uint i = 0; i < count; ++i) {
        decode_position(
            cache, head, first + i, norms, out + (ulong(head - heads.begin) * heads.tokens + i) * cache.head_dim, turbo_byte_bits(width),
            [&](ulong row, uint d) { return book.at(packed + row * cache.head_dim + d); },
            [=](ulong row, uint d) { return uint(packed[row * cache.head_dim + d]); });
      }
    }
  });
}

struct DequantizeBytesParams {
  uint head_dim, num_kv_heads, read_pos, cache_capacity, norms_per_pos;
  float scale_factor_d512;
  uint codebook_bits;
};

/// turboquant/tq_dequantize_kv.metal for a core that takes the heads of 16 threadgroups.
kernel void tq_dequantize_hb_kv(device const uchar* packed [[buffer(0)]],
                                device const float* norms [[buffer(1)]],
                                device float* dst [[buffer(2)]],
                                constant DequantizeBytesParams& p [[buffer(3)]],
                                uint head [[threadgroup_position_in_grid]]) {
  const uint2 heads = share_of(head, 1, p.num_kv_heads, 16);
  if (heads.x == heads.y) return;
  const CacheShape cache = {p.head_dim, p.cache_capacity, p.norms_per_pos, p.scale_factor_d512};
  decode_bytes(cache, p.codebook_bits, {heads.x, heads.y, 1}, p.read_pos, 1, packed, norms, dst + ulong(heads.x) * cache.head_dim);
}

struct DequantizeRangeParams {
  uint head_dim, num_kv_heads, start_pos, n_tokens, cache_capacity, norms_per_pos;
  float scale_factor_d512;
  uint codebook_bits;
};

/// turboquant/tq_dequantize_kv.metal for a core that takes the positions of 16 threadgroups.
kernel void tq_dequantize_hb_kv_seq(device const uchar* packed [[buffer(0)]],
                                    device const float* norms [[buffer(1)]],
                                    device float* dst [[buffer(2)]],
                                    constant DequantizeRangeParams& p [[buffer(3)]],
                                    uint3 group [[threadgroup_position_in_grid]]) {
  const uint2 tokens = share_of(group.y, 1, p.n_tokens, 16);
  if (group.x >= p.num_kv_heads || tokens.x == tokens.y) return;
  const CacheShape cache = {p.head_dim, p.cache_capacity, p.norms_per_pos, p.scale_factor_d512};
  decode_bytes(cache, p.codebook_bits, {group.x, group.x + 1, p.n_tokens}, ulong(p.start_pos) + tokens.x, tokens.y - tokens.x, packed, norms,
               dst + (ulong(group.x) * p.n_tokens + tokens.x) * cache.head_dim);
}
