#include <metal_stdlib>
#include "common/chunk_attention.h"
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: flash_attn_vec_reduce_dk256 flash_attn_vec_reduce_dk512

/// attention/flash_attn_vec.metal for a core that takes the row of a threadgroup: the factor of a part is computed once.
template <int kDim>
kernel void flash_attn_vec_reduce(constant uint& rows [[buffer(0)]],
                                  device const float* partials [[buffer(1)]],
                                  device float* dst [[buffer(2)]],
                                  constant uint& parts [[buffer(3)]],
                                  uint row [[threadgroup_position_in_grid]]) {
  if (row >= rows) return;
  constexpr uint kBlock = 32;  // parts at a time
  const uint n = parts;
  device const float* totals = partials + ulong(rows) * kDim * n + ulong(row) * n * 2;
  device const float* values = partials + ulong(row) * kDim * n;
  float top = kLowest, sum = 0.0f;
  for (uint w = 0; w < n; ++w) top = max(top, totals[2 * w + 1]);

  float out[kDim] = {};
  for (uint first = 0; first < n; first += kBlock) {
    const uint count = min(kBlock, n - first);
    float factors[kBlock] = {}, repeated[4 * kBlock];
    for (uint w = 0; w < count; ++w) factors[w] = totals[2 * (first + w) + 1] - top;
    for (uint w = 0; w < kBlock; w += 16) Wide::store(factors + w, wide_exp(Wide::load(factors + w)));
    for (uint w = 0; w < count; ++w) sum += factors[w] * totals[2 * (first + w)];
    for (uint w = 0; w < 4 * kBlock; ++w) repeated[w] = factors[w / 4];

    // Four elements of all parts stand side by side: a vector holds four parts, both of eight elements, or the only one of sixteen.
    if (n == 1) {
      for (uint d = 0; d < kDim; d += 16) Wide::store(out + d, Wide::load(values + d) * factors[0]);
      break;
    }
    if (n == 2) {
      const WideF first_ones = Wide::load(repeated), both = __builtin_shufflevector(first_ones, first_ones, 0, 1, 2, 3, 4, 5, 6, 7, 0,
                                                                                    1, 2, 3, 4, 5, 6, 7);
      for (uint d = 0; d < kDim; d += 8) {
        const WideF v = Wide::load(values + 2 * d) * both;
        Lanes<8>::store(out + d, __builtin_shufflevector(v, v, 0, 1, 2, 3, 8, 9, 10, 11) +
                                     __builtin_shufflevector(v, v, 4, 5, 6, 7, 12, 13, 14, 15));
      }
      break;
    }
    for (uint i = 0; i < kDim / 4; ++i) {
      device const float* part = values + (ulong(i) * n + first) * 4;
      WideF acc = 0.0f;
      uint w = 0;
      for (; w + 4 <= count; w += 4) acc += Wide::load(part + 4 * w) * Wide::load(repeated + 4 * w);
      for (uint c = 0; c < 4; ++c) out[4 * i + c] += (acc[c] + acc[c + 4]) + (acc[c + 8] + acc[c + 12]);
      for (; w < count; ++w) {
        for (uint c = 0; c < 4; ++c) out[4 * i + c] += factors[w] * part[4 * w + c];
      }
    }
  }
  const float inverse = sum > 0.0f ? 1.0f / sum : 0.0f;
  for (uint d = 0; d < kDim; d += 16) Wide::store(dst + ulong(row) * kDim + d, Wide::load(out + d) * inverse);
}

#define INSTANTIATE(D) \
  template [[host_name("flash_attn_vec_reduce_dk" #D)]] kernel void flash_attn_vec_reduce<D>( \
      constant uint&, device const float*, device float*, constant uint&, uint);
INSTANTIATE(256)
INSTANTIATE(512)
