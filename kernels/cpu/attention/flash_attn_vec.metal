#include <metal_stdlib>
#include "common/flash_params.h"
#include "cpu/vec_attention.h"
using namespace metal;
using namespace anymetal;

// kernels: flash_attn_vec_dk256 flash_attn_vec_dk512 flash_attn_vec_f16kv_dk256 flash_attn_vec_f16kv_dk512

/// attention/flash_attn_vec.metal for a core that takes all of a threadgroup's keys: nothing depends on the thread. Of two heads
/// that read the same keys the first one's threadgroup takes both, chunk by chunk: the keys come from memory once for them.
template <class T, int kDim>
kernel void flash_attn_vec(constant FlashAttnVecParams& p [[buffer(0)]],
                           device const float* Q [[buffer(1)]],
                           device const T* K [[buffer(2)]],
                           device const T* V [[buffer(3)]],
                           device float* dst [[buffer(4)]],
                           threadgroup float* scratch [[threadgroup(0)]],
                           uint3 group [[threadgroup_position_in_grid]]) {
  const uint first_head = group.y, part = group.z, parts = max(p.nwg, 1u);
  const bool in_pairs = p.n_kv_heads > 0 && p.n_heads % (2 * p.n_kv_heads) == 0;
  const uint heads = in_pairs ? 2 : 1;
  if (first_head >= p.n_heads || part >= parts || first_head % heads != 0) return;
  const ulong kv_base = ulong(kv_head_of(first_head, p.n_heads, p.n_kv_heads)) * p.kv_capacity * kDim;
  const uint length = p.kv_seq_len;
  const uint first = p.mask_type == 2 && p.sliding_window > 0 && length > p.sliding_window ? length - p.sliding_window : 0;

  VecAttention<kDim> attention[2];
  for (uint i = 0; i < heads * kDim; ++i) {
    const float q = Q[ulong(first_head) * kDim + i];
    attention[i / kDim].query[i % kDim] = exact_query ? q : float(half(q));
  }
  device const T *keys = K + kv_base, *values = V + kv_base;
  for (uint chunk = part * kChunk; chunk < length; chunk += parts * kChunk) {
    if (chunk + kChunk <= first) continue;
#pragma clang loop unroll(disable)
    for (uint h = 0; h < heads; ++h) {
      attention[h].add(
          max(first, chunk), min(length, chunk + kChunk), kDim, [=](uint i) { return WideRow<T>{keys + ulong(i) * kDim}; },
          [=](uint i) { return WideRow<T>{values + ulong(i) * kDim}; },
          [&](float dot, uint) { return soft_capped(dot * p.scale, p.softcap); });
    }
  }

  for (uint h = 0; h < heads; ++h) {
    const VecResult<kDim> result = {dst, p.n_heads, first_head + h, parts, part};
    const float factor = result.factor(attention[h].sum);
    for (uint d = 0; d < kDim; ++d) result.store(d, attention[h].out[d] * factor);
    result.store_totals(attention[h].sum, attention[h].top);
  }
}

#define INSTANTIATE(name, T, D) \
  template [[host_name(name)]] kernel void flash_attn_vec<T, D>( \
      constant FlashAttnVecParams&, device const float*, device const T*, device const T*, device float*, \
      threadgroup float*, uint3);
INSTANTIATE("flash_attn_vec_dk256", float, 256)
INSTANTIATE("flash_attn_vec_dk512", float, 512)
INSTANTIATE("flash_attn_vec_f16kv_dk256", half, 256)
INSTANTIATE("flash_attn_vec_f16kv_dk512", half, 512)
