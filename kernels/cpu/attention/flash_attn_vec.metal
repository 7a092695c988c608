#include <metal_stdlib>
#include "common/flash_params.h"
#include "cpu/heads_attention.h"
#include "cpu/runtime_constant.h"
using namespace metal;
using namespace anymetal;

// kernels: flash_attn_vec_dk256 flash_attn_vec_dk512 flash_attn_vec_f16kv_dk256 flash_attn_vec_f16kv_dk512

constexpr constant uint kPartKeys = 32;  // keys that one part takes before the next one's

// soft_capped() of 16 scores.
inline WideF wide_soft_capped(WideF scores, float softcap) {
  if (softcap > 0.0f) {
    for (uint i = 0; i < 16; ++i) scores[i] = soft_capped(scores[i], softcap);
  }
  return scores;
}

// The keys of part `part` of `parts` for kHeads heads from `head` on.
template <class T, uint kDim, uint kHeads>
void attend(constant FlashAttnVecParams& p, device const float* Q, device const T* K, device const T* V, device float* dst,
            uint head, uint part, uint parts) {
  const ulong kv_base = ulong(kv_head_of(head, p.n_heads, p.n_kv_heads)) * p.kv_capacity * kDim;
  const uint length = p.kv_seq_len;
  const uint first = p.mask_type == 2 && p.sliding_window > 0 && length > p.sliding_window ? length - p.sliding_window : 0;

  HeadsAttention<T, kDim, kHeads> attention;
  attention.start();
  attention.keys = K + kv_base, attention.values = V + kv_base;
  const bool is_exact = __msl_runtime_constant(exact_query) != 0;
  for (uint i = 0; i < kHeads * kDim; ++i) {
    const float q = Q[ulong(head) * kDim + i];
    attention.query[i / kDim][i % kDim] = is_exact ? q : float(half(q));
  }
  constexpr uint kKeys = attention.kKeys;
  for (uint chunk = part * kPartKeys; chunk < length; chunk += parts * kPartKeys) {
    for (uint key = chunk; key < min(length, chunk + kPartKeys); key += kKeys) {
      if (key + kKeys <= first) continue;
      attention.ahead = key + kKeys < chunk + kPartKeys ? kKeys : kKeys + (parts - 1) * kPartKeys;
      attention.add(max(first, key), min(length, key + kKeys),
                    [&](WideF dots) { return wide_soft_capped(dots * p.scale, p.softcap); });
    }
  }

  for (uint h = 0; h < kHeads; ++h) {
    const VecResult<kDim> result = {dst, p.n_heads, head + h, parts, part};
    const float factor = result.factor(attention.sum[h]);
    for (uint d = 0; d < kDim; d += 4) {
      const Float4 four = *(thread const UnalignedFloat4*)(attention.out[h] + d) * factor;
      *(device UnalignedFloat4*)(dst + result.place(d)) = four;
    }
    result.store_totals(attention.sum[h], attention.top[h]);
  }
}

/// attention/flash_attn_vec.metal for a core that takes all of a threadgroup's keys: nothing depends on the thread. Of two heads
/// that read the same keys the first one's threadgroup takes both, of four all if there are other threadgroups.
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
  const uint shared = p.n_kv_heads > 0 && p.n_heads % p.n_kv_heads == 0 ? p.n_heads / p.n_kv_heads : 1;
  if (shared % 4 == 0 && p.n_kv_heads * parts > 1) {
    if (head % 4 == 0) attend<T, kDim, 4>(p, Q, K, V, dst, head, part, parts);
  } else if (shared % 2 == 0) {
    if (head % 2 == 0) attend<T, kDim, 2>(p, Q, K, V, dst, head, part, parts);
  } else {
    attend<T, kDim, 1>(p, Q, K, V, dst, head, part, parts);
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
