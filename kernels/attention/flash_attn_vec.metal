#include <metal_stdlib>
#include "common/chunk_attention.h"
#include "common/flash_params.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/vec_attention.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: flash_attn_vec_dk256 flash_attn_vec_dk512 flash_attn_vec_f16kv_dk256 flash_attn_vec_f16kv_dk512
// kernels: flash_attn_vec_reduce_dk256 flash_attn_vec_reduce_dk512

/// Attention of one query token per head: each threadgroup takes every nwg-th chunk of 32 keys, a lane scores one key of
/// the chunk and owns D/32 outputs.
///
/// buffer 0: FlashAttnVecParams; 1: Q f32 [H, D], rounded to f16 unless constant 310 is true; 2: K; 3: V f32 or f16
/// [H_kv, CAP, D]; 4: dst f32; threadgroup 0: 2 * (3 * D + 128) bytes
/// dst: nwg = 1: [H, D]. Else partial sums, dimension 4i+c of head r from threadgroup w at ((r * D/4 + i) * nwg + w) * 4 + c,
/// then at H * D * nwg + (r * nwg + w) * 2 the sum and the maximum of the weights: input of flash_attn_vec_reduce.
/// With a softcap above 0 a score s becomes softcap * tanh(s / softcap). Rows of K and V past kv_seq_len are never read.
/// grid: threadgroups (1, H, nwg), 32 threads. tolerance: 1e-4 + 1e-3 |ref| for the rounded query
template <class T, int kDim>
kernel void flash_attn_vec(constant FlashAttnVecParams& p [[buffer(0)]],
                           device const float* Q [[buffer(1)]],
                           device const T* K [[buffer(2)]],
                           device const T* V [[buffer(3)]],
                           device float* dst [[buffer(4)]],
                           threadgroup float* scratch [[threadgroup(0)]],
                           uint3 group [[threadgroup_position_in_grid]],
                           uint lane [[thread_index_in_simdgroup]]) {
  const uint head = group.y, part = group.z, parts = max(p.nwg, 1u);
  if (head >= p.n_heads || part >= parts) return;
  const ulong kv_base = ulong(kv_head_of(head, p.n_heads, p.n_kv_heads)) * p.kv_capacity * kDim;
  const uint length = p.kv_seq_len;
  const uint first = p.mask_type == 2 && p.sliding_window > 0 && length > p.sliding_window ? length - p.sliding_window : 0;

#if ANYMETAL_NVIDIA
  typedef ValueStage<T, kDim> Stage;
  threadgroup Stage stage;
  RowAttention<T, kDim> attention;
  for (uint i = 0; i < kDim / 32; ++i) {
    const float q = Q[ulong(head) * kDim + lane * (kDim / 32) + i];
    attention.query[i / 8][i % 8] = exact_query ? q : float(half(q));
  }
  const bool aligned = (((ulong)K | (ulong)V) & 15) == 0;
  for (uint chunk = part * 32; chunk < length; chunk += parts * 32) {
    if (chunk + 32 <= first) continue;
    const ulong rows = kv_base + ulong(chunk) * kDim;
    const uint begin = max(first, chunk) - chunk, end = min(length - chunk, 32u);
    const bool staged = Stage::kFits && aligned && nvidia::has_ampere();
    if (staged) stage.copy(V + rows, begin, end, lane);
    const float found = soft_capped(attention.score(K + rows, length - 1 - chunk, aligned, lane) * p.scale, p.softcap);
    const float score = lane >= begin && lane < end ? found : -INFINITY;
    if (staged) {
      nvidia::await_copies<0>();
      simdgroup_barrier(mem_flags::mem_threadgroup);
      attention.add(score, (threadgroup const T*)stage.rows, begin, end, true, lane);
      simdgroup_barrier(mem_flags::mem_threadgroup);
    } else {
      attention.add(score, V + rows, begin, end, aligned, lane);
    }
  }
#else
  threadgroup float* query = scratch;
  threadgroup float* weights = scratch + kDim;

  for (uint d = lane; d < kDim; d += 32) {
    const float q = Q[ulong(head) * kDim + d];
    query[d] = exact_query ? q : float(half(q));
  }
  simdgroup_barrier(mem_flags::mem_threadgroup);

  const PlainRows<T, kDim> keys = {K + kv_base}, values = {V + kv_base};

  ChunkAttention<kDim> attention;
  for (uint chunk = part * 32; chunk < length; chunk += parts * 32) {
    if (chunk + 32 <= first) continue;
    const uint key = chunk + lane;
    const bool seen = key >= first && key < length;
    const float score = seen ? soft_capped(attention.score(query, keys, key) * p.scale, p.softcap) : -INFINITY;
    attention.template add<false>(score, values, chunk, max(first, chunk), min(length, chunk + 32), weights, lane);
  }
#endif
  const float sum = simd_sum(attention.softmax.sum);

  const VecResult<kDim> result = {dst, p.n_heads, head, parts, part};
  const float factor = result.factor(sum);
  constexpr uint kOwned = kDim / 32;
  for (uint c = 0; c < kOwned; ++c) result.store(lane * kOwned + c, attention.out[c / 8][c % 8] * factor);
  if (lane == 0) result.store_totals(sum, attention.softmax.top);
}

/// Merges the partial sums of flash_attn_vec: out = sum_w f_w A_w / sum_w f_w S_w, f_w = exp(M_w - max M); 0 where no
/// threadgroup saw a key.
///
/// buffer 0: u32 rows; 1: partials f32 (layout above); 2: dst f32 [rows, D]; 3: u32 nwg
/// grid: threadgroups (rows), any threadgroup size. tolerance: 1e-5
template <int kDim>
kernel void flash_attn_vec_reduce(constant uint& rows [[buffer(0)]],
                                  device const float* partials [[buffer(1)]],
                                  device float* dst [[buffer(2)]],
                                  constant uint& parts [[buffer(3)]],
                                  uint row [[threadgroup_position_in_grid]],
                                  uint index [[thread_index_in_threadgroup]],
                                  uint size [[threads_per_threadgroup]]) {
  if (row >= rows) return;
  device const float* totals = partials + ulong(rows) * kDim * parts + ulong(row) * parts * 2;
  float top = kLowest, sum = 0.0f;
  for (uint w = 0; w < parts; ++w) top = max(top, totals[2 * w + 1]);
  for (uint w = 0; w < parts; ++w) sum += exp(totals[2 * w + 1] - top) * totals[2 * w];
  const float inverse = sum > 0.0f ? 1.0f / sum : 0.0f;
  for (uint d = index; d < kDim; d += size) {
    device const float* values = partials + (ulong(row) * (kDim / 4) + d / 4) * parts * 4 + d % 4;
    float value = 0.0f;
    for (uint w = 0; w < parts; ++w) value += exp(totals[2 * w + 1] - top) * values[4 * w];
    dst[ulong(row) * kDim + d] = value * inverse;
  }
}

#define INSTANTIATE(name, T, D) \
  template [[host_name(name)]] kernel void flash_attn_vec<T, D>( \
      constant FlashAttnVecParams&, device const float*, device const T*, device const T*, device float*, \
      threadgroup float*, uint3, uint);
INSTANTIATE("flash_attn_vec_dk256", float, 256)
INSTANTIATE("flash_attn_vec_dk512", float, 512)
INSTANTIATE("flash_attn_vec_f16kv_dk256", half, 256)
INSTANTIATE("flash_attn_vec_f16kv_dk512", half, 512)

#define INSTANTIATE_REDUCE(name, D) \
  template [[host_name(name)]] kernel void flash_attn_vec_reduce<D>( \
      constant uint&, device const float*, device float*, constant uint&, uint, uint, uint);
INSTANTIATE_REDUCE("flash_attn_vec_reduce_dk256", 256)
INSTANTIATE_REDUCE("flash_attn_vec_reduce_dk512", 512)
