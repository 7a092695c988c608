#include <metal_stdlib>
#include "common/chunk_attention.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/query_blocks.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: sdpa sdpa_bf16 sdpa_sliding sdpa_sliding_bf16

struct SdpaParams {
  uint n_heads;
  uint n_kv_heads;
  uint head_dim;
  uint seq_len;
  uint kv_seq_len;
  float scale;
  uint kv_capacity;
};
static_assert(sizeof(SdpaParams) == 28, "layout");

struct SdpaSlidingParams {
  uint n_heads;
  uint n_kv_heads;
  uint head_dim;
  uint seq_len;
  uint kv_seq_len;
  uint window_size;
  float scale;
  uint kv_capacity;
};
static_assert(sizeof(SdpaSlidingParams) == 32, "layout");

// How many keys before its own a query sees.
inline uint keys_back(SdpaParams) { return ~0u; }
inline uint keys_back(SdpaSlidingParams p) { return p.window_size; }

/// Causal attention, a thread for each query: o = softmax(scale q K^T) V over the keys the query sees, in f32 by an online
/// softmax, rounded once.
///
/// The queries are the last seq_len of kv_seq_len positions: query i is at p = kv_seq_len - seq_len + i and sees the keys
/// [0, p], in the sliding form [max(0, p - window_size), p]. A query that sees no key gives zeros.
///
/// buffer 0: Q f32 or bf16 [B, H, S, D]; 1: K; 2: V, both [B, H_kv, CAP, D]; 3: O [B, H, S, D]; 4: SdpaParams or
/// SdpaSlidingParams; a kv_capacity of 0 stands for kv_seq_len
/// grid: threadgroups (B, H, ceil(S / 32)), 32 threads. tolerance: f32 2e-5 + 1e-4 |ref|, bf16 5e-3 + 2e-2 |ref|
template <class T, class Params>
kernel void sdpa(device const T* Q [[buffer(0)]],
                 device const T* K [[buffer(1)]],
                 device const T* V [[buffer(2)]],
                 device T* O [[buffer(3)]],
                 constant Params& p [[buffer(4)]],
                 uint3 group [[threadgroup_position_in_grid]],
                 uint index [[thread_index_in_threadgroup]]) {
  // Outputs a thread holds; longer heads repeat the scores for each slab. On NVIDIA GPUs as many as there are registers for.
#if ANYMETAL_NVIDIA
  constexpr uint kSlab = 64;
#else
  constexpr uint kSlab = 512;
#endif
  const uint query = group.z * 32 + index, dim = p.head_dim;
  if (group.y >= p.n_heads) return;
  const uint capacity = p.kv_capacity > 0 ? p.kv_capacity : p.kv_seq_len;
  const ulong kv_row = (ulong(group.x) * p.n_kv_heads + kv_head_of(group.y, p.n_heads, p.n_kv_heads)) * capacity;
  const ulong first_row = (ulong(group.x) * p.n_heads + group.y) * p.seq_len;
#if ANYMETAL_NVIDIA
  const CausalHead<T> head = {Q + first_row * dim, K + kv_row * dim, V + kv_row * dim, O + first_row * dim, p.seq_len, p.kv_seq_len,
                              capacity, keys_back(p), p.scale};
  if (attend_queries_of(dim, head, group.z * 32, index)) return;
#endif
  if (query >= p.seq_len) return;
  device const T* q = Q + (first_row + query) * dim;
  device T* o = O + (first_row + query) * dim;

  // Positions before the first key, of which there are none in a valid call, see nothing.
  const ulong after = ulong(p.kv_seq_len) + query + 1;  // one past the query's own key, seq_len more
  const uint own_end = after > p.seq_len ? uint(after - p.seq_len) : 0;
  const uint begin = own_end > keys_back(p) ? own_end - 1 - keys_back(p) : 0, end = min(own_end, capacity);

  for (uint first = 0; first < dim; first += kSlab) {
    const uint outputs = min(kSlab, dim - first);
    float out[kSlab];
    const auto for_outputs = [&](auto visit) {
#if ANYMETAL_NVIDIA
      for (uint d = 0; d < kSlab; ++d) {
        if (d < outputs) visit(d);
      }
#else
      for (uint d = 0; d < outputs; ++d) visit(d);
#endif
    };
    for_outputs([&](uint d) { out[d] = 0.0f; });
    float top = kLowest, sum = 0.0f;
    for (uint key = begin; key < end; ++key) {
      device const T* k = K + (kv_row + key) * dim;
      device const T* v = V + (kv_row + key) * dim + first;
      float score = 0.0f;
      for (uint d = 0; d < dim; ++d) score += float(q[d]) * float(k[d]);
      score *= p.scale;
      if (score > top) {
        const float rescale = exp(top - score);
        for_outputs([&](uint d) { out[d] *= rescale; });
        sum *= rescale;
        top = score;
      }
      const float weight = exp(score - top);
      for_outputs([&](uint d) { out[d] += weight * float(v[d]); });
      sum += weight;
    }
    const float inverse = sum > 0.0f ? 1.0f / sum : 0.0f;
    for_outputs([&](uint d) { o[first + d] = T(out[d] * inverse); });
  }
}

#define INSTANTIATE(name, T, PARAMS) \
  template [[host_name(name)]] kernel void sdpa<T, PARAMS>( \
      device const T*, device const T*, device const T*, device T*, constant PARAMS&, uint3, uint);
INSTANTIATE("sdpa", float, SdpaParams)
INSTANTIATE("sdpa_bf16", bfloat, SdpaParams)
INSTANTIATE("sdpa_sliding", float, SdpaSlidingParams)
INSTANTIATE("sdpa_sliding_bf16", bfloat, SdpaSlidingParams)
