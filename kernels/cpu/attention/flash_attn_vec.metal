#include <metal_stdlib>
#include "common/chunk_attention.h"
#include "common/flash_params.h"
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: flash_attn_vec_dk256 flash_attn_vec_dk512 flash_attn_vec_f16kv_dk256 flash_attn_vec_f16kv_dk512

constant uint kChunk = 32;     // keys whose scores are held at a time
constant uint kTogether = 4;   // keys whose sums stay in registers with a part of the query

/// attention/flash_attn_vec.metal for a core that takes all of a threadgroup's keys: nothing depends on the thread.
template <class T, int kDim>
kernel void flash_attn_vec(constant FlashAttnVecParams& p [[buffer(0)]],
                           device const float* Q [[buffer(1)]],
                           device const T* K [[buffer(2)]],
                           device const T* V [[buffer(3)]],
                           device float* dst [[buffer(4)]],
                           threadgroup float* scratch [[threadgroup(0)]],
                           uint3 group [[threadgroup_position_in_grid]]) {
  const uint head = group.y, part = group.z, parts = max(p.nwg, 1u);
  if (head >= p.n_heads || part >= parts) return;
  const ulong kv_base = ulong(kv_head_of(head, p.n_heads, p.n_kv_heads)) * p.kv_capacity * kDim;
  const uint length = p.kv_seq_len;
  const uint first = p.mask_type == 2 && p.sliding_window > 0 && length > p.sliding_window ? length - p.sliding_window : 0;

  float query[kDim];
  for (uint d = 0; d < kDim; ++d) {
    const float q = Q[ulong(head) * kDim + d];
    query[d] = exact_query ? q : float(half(q));
  }
  float out[kDim] = {};
  float top = kLowest, sum = 0.0f;
  for (uint chunk = part * kChunk; chunk < length; chunk += parts * kChunk) {
    if (chunk + kChunk <= first) continue;
    const uint begin = max(first, chunk), end = min(length, chunk + kChunk);

    float scores[kChunk];
    for (uint i = 0; i < kChunk; ++i) scores[i] = -INFINITY;
    float highest = top;
    for (uint key = begin; key < end; key += kTogether) {
      device const T* rows[kTogether];
      WideF dots[kTogether] = {};
#pragma unroll
      for (uint j = 0; j < kTogether; ++j) rows[j] = K + kv_base + ulong(min(key + j, end - 1)) * kDim;
#pragma unroll 4
      for (uint d = 0; d < kDim; d += 16) {
        const WideF q = Wide::load(query + d);
#pragma unroll
        for (uint j = 0; j < kTogether; ++j) dots[j] += q * Wide::load(rows[j] + d);
      }
      for (uint j = 0; j < min(kTogether, end - key); ++j) {
        const float score = soft_capped(Wide::sum(dots[j]) * p.scale, p.softcap);
        scores[key + j - chunk] = score;
        highest = max(highest, score);
      }
    }

    const float rescale = exp(top - highest);
    top = highest;
    WideF total = 0.0f;
    for (uint i = 0; i < kChunk; i += 16) {
      const WideF weights = wide_exp2((Wide::load(scores + i) - highest) * 1.44269504089f);
      Wide::store(scores + i, weights);
      total += weights;
    }
    sum = sum * rescale + Wide::sum(total);
    // A part of the outputs at a time, in registers.
    for (uint d = 0; d < kDim; d += 128) {
      WideF part_of_out[8];
#pragma unroll
      for (uint c = 0; c < 8; ++c) part_of_out[c] = Wide::load(out + d + 16 * c) * rescale;
      for (uint key = begin; key < end; ++key) {
        const WideF weight = scores[key - chunk];
        device const T* row = V + kv_base + ulong(key) * kDim + d;
#pragma unroll
        for (uint c = 0; c < 8; ++c) part_of_out[c] += weight * Wide::load(row + 16 * c);
      }
#pragma unroll
      for (uint c = 0; c < 8; ++c) Wide::store(out + d + 16 * c, part_of_out[c]);
    }
  }

  const VecResult<kDim> result = {dst, p.n_heads, head, parts, part};
  const float factor = result.factor(sum);
  for (uint d = 0; d < kDim; ++d) result.store(d, out[d] * factor);
  result.store_totals(sum, top);
}

#define INSTANTIATE(name, T, D) \
  template [[host_name(name)]] kernel void flash_attn_vec<T, D>( \
      constant FlashAttnVecParams&, device const float*, device const T*, device const T*, device float*, \
      threadgroup float*, uint3);
INSTANTIATE("flash_attn_vec_dk256", float, 256)
INSTANTIATE("flash_attn_vec_dk512", float, 512)
INSTANTIATE("flash_attn_vec_f16kv_dk256", half, 256)
INSTANTIATE("flash_attn_vec_f16kv_dk512", half, 512)
