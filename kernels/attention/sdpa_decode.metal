#include <metal_stdlib>
#include "common/chunk_attention.h"
using namespace metal;
using namespace anymetal;

struct SdpaDecodeParams {
  uint n_heads;
  uint n_kv_heads;
  uint head_dim;
  uint kv_seq_len;
  uint kv_capacity;
  float scale;
  uint n_sg;
};
static_assert(sizeof(SdpaDecodeParams) == 28, "layout");

// Adds to a lane's outputs its elements of `count` rows of values, weighed; four rows are on their way together.
template <uint kOwned>
void add_rows(thread float* out, device const float* rows, uint dim, threadgroup const float* weights, uint count) {
  uint j = 0;
  for (; j + 4 <= count; j += 4) {
    float ahead[4][kOwned];
#pragma unroll
    for (uint r = 0; r < 4; ++r) {
#pragma unroll
      for (uint i = 0; i < kOwned; ++i) ahead[r][i] = rows[ulong(j + r) * dim + i];
    }
#pragma unroll
    for (uint r = 0; r < 4; ++r) {
#pragma unroll
      for (uint i = 0; i < kOwned; ++i) out[i] += weights[j + r] * ahead[r][i];
    }
  }
  for (; j < count; ++j) {
#pragma unroll
    for (uint i = 0; i < kOwned; ++i) out[i] += weights[j] * rows[ulong(j) * dim + i];
  }
}

/// Attention of one query per head over all keys: o = softmax(scale q K^T) V in f32. Each of n_sg simdgroups takes an equal
/// run of keys, 32 at a time: a lane scores one key and owns D/32 outputs.
///
/// buffer 0: Q f32 [H, D]; 1: K; 2: V, both f32 [H_kv, CAP, D]; 3: O f32 [H, D]; 4: SdpaDecodeParams;
/// threadgroup 0: 4 * n_sg * (D + 2) bytes
/// D is a multiple of 32, 512 at most; for any other nothing is written. Without keys the output is 0.
/// grid: threadgroups (H), 32 * n_sg threads. tolerance: 2e-5 + 1e-4 |ref|
kernel void sdpa_decode(device const float* Q [[buffer(0)]],
                        device const float* K [[buffer(1)]],
                        device const float* V [[buffer(2)]],
                        device float* O [[buffer(3)]],
                        constant SdpaDecodeParams& p [[buffer(4)]],
                        threadgroup float* scratch [[threadgroup(0)]],
                        uint head [[threadgroup_position_in_grid]],
                        uint index [[thread_index_in_threadgroup]],
                        uint size [[threads_per_threadgroup]]) {
  constexpr uint kMostOwned = 16;  // loops over a lane's outputs have this length, so that they are registers
  const uint lane = index % 32, simdgroup = index / 32, dim = p.head_dim, owned = dim / 32;
  if (head >= p.n_heads || dim == 0 || dim % 32 != 0 || dim > 512) return;
  const ulong kv_base = ulong(kv_head_of(head, p.n_heads, p.n_kv_heads)) * p.kv_capacity * dim;
  device const float* q = Q + ulong(head) * dim;

  // A simdgroup's weights lie where its outputs go at the end.
  const PartialSoftmax merged = {scratch, min(p.n_sg, size / 32), dim};
  const bool takes_part = simdgroup < merged.count;
  threadgroup float* mine = merged.part(simdgroup);
  const uint length = min(p.kv_seq_len, p.kv_capacity);
  const uint run = takes_part ? (length + merged.count - 1) / merged.count : 0;
  const uint begin = min(simdgroup * run, length), end = min(begin + run, length);

  float out[kMostOwned] = {};
  RunningSoftmax softmax;
  for (uint chunk = begin; chunk < end; chunk += 32) {
    float score = -INFINITY;
    if (chunk + lane < end) {
      device const float* k = K + kv_base + ulong(chunk + lane) * dim;
      Lanes<8>::F dots = {};
#pragma unroll 4
      for (uint d = 0; d < dim; d += 8) dots += Lanes<8>::load(q + d) * Lanes<8>::load(k + d);
      score = Lanes<8>::sum(dots) * p.scale;
    }
    float rescale;
    mine[lane] = softmax.weigh(score, rescale);
    simdgroup_barrier(mem_flags::mem_threadgroup);
    for (uint i = 0; i < kMostOwned; ++i) out[i] *= rescale;
    const uint count = min(32u, end - chunk);
    device const float* rows = V + kv_base + ulong(chunk) * dim + lane * owned;
    if (owned == 4) {
      add_rows<4>(out, rows, dim, mine, count);
    } else if (owned == 8) {
      add_rows<8>(out, rows, dim, mine, count);
    } else if (owned == 16) {
      add_rows<16>(out, rows, dim, mine, count);
    } else {
      for (uint j = 0; j < count; ++j) {
        for (uint i = 0; i < kMostOwned; ++i) out[i] += i < owned ? mine[j] * rows[ulong(j) * dim + i] : 0.0f;
      }
    }
    simdgroup_barrier(mem_flags::mem_threadgroup);
  }
  const float sum = simd_sum(softmax.sum);
  if (takes_part) {
    for (uint i = 0; i < kMostOwned; ++i) {
      if (i < owned) mine[lane * owned + i] = out[i];
    }
    if (lane == 0) mine[dim] = softmax.top, mine[dim + 1] = sum;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  const float most = merged.top(), total = merged.total(dim + 1, most);
  const float inverse = total > 0.0f ? 1.0f / total : 0.0f;
  for (uint d = index; d < dim; d += size) O[ulong(head) * dim + d] = merged.total(d, most) * inverse;
}
