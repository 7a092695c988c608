#include <metal_stdlib>
#include "common/blocks.h"
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: embedding_gather_scale_f32 embedding_gather_scale_batch_f32
// kernels: embedding_gather_scale_batch_q4_0_f32 embedding_gather_scale_batch_q5_0_f32
// kernels: embedding_gather_scale_batch_q5_1_f32 embedding_gather_scale_batch_q8_0_f32
// kernels: embedding_gather_scale_batch_iq4_nl_f32 embedding_gather_scale_batch_q4_K_f32
// kernels: embedding_gather_scale_batch_q5_K_f32 embedding_gather_scale_batch_q6_K_f32
// kernels: embedding_gather_scale_batch_q4_1_f32 embedding_gather_scale_batch_mxfp4_f32
// kernels: embedding_gather_scale_batch_q2_K_f32 embedding_gather_scale_batch_q3_K_f32
// kernels: embedding_gather_scale_batch_iq4_xs_f32

struct GatherParams {
  float scale;
  uint hidden;
  uint token_id;
};

/// out[i] = table[token_id, i] * scale.
///
/// buffer 0: table f32 [V, H]; 1: out f32 [H]; 2: GatherParams
/// grid: threads (H). tolerance: exact
kernel void embedding_gather_scale_f32(device const float* table [[buffer(0)]],
                                       device float* out [[buffer(1)]],
                                       constant GatherParams& p [[buffer(2)]],
                                       uint i [[thread_position_in_grid]],
                                       uint group [[threadgroup_position_in_grid]],
                                       uint size [[threads_per_threadgroup]]) {
  for_element<float>({i, group, size}, p.hidden, [&](uint e) { return table[ulong(p.token_id) * p.hidden + e] * p.scale; },
                     [&](uint e, float v) { out[e] = v; });
}

struct GatherBatchParams {
  float scale;
  uint hidden;
  uint n_tokens;
};

/// out[t, i] = table[ids[t], i] * scale. Ids are trusted.
///
/// buffer 0: table f32 [V, H]; 1: ids u32 [T]; 2: out f32 [T, H]; 3: GatherBatchParams
/// grid: threads (H, T). tolerance: exact
kernel void embedding_gather_scale_batch_f32(device const float* table [[buffer(0)]],
                                             constant uint* ids [[buffer(1)]],
                                             device float* out [[buffer(2)]],
                                             constant GatherBatchParams& p [[buffer(3)]],
                                             uint2 gid [[thread_position_in_grid]],
                                             uint2 group [[threadgroup_position_in_grid]],
                                             uint2 size [[threads_per_threadgroup]]) {
  if (gid.x >= p.hidden) return;
  for_row<4>({gid.y, group.y, size.y}, p.n_tokens, [&](uint t) { return table[ulong(ids[t]) * p.hidden + gid.x] * p.scale; },
             [&](uint t, float v) { out[ulong(t) * p.hidden + gid.x] = v; });
}

struct GatherBlocksParams {
  float scale;
  uint hidden;
  uint n_tokens;
  uint rows;
};

#if ANYMETAL_NVIDIA
// The elements of a threadgroup's threads of one row, which lie side by side: fours, a thread's as far apart as there are threads.
template <class Block, class Store>
void decode_together(device const Block* row, bool there, uint first, uint end, uint index, uint threads, Store store) {
  constexpr uint kBlock = BlockTraits<Block>::kElements;
#pragma unroll
  for (uint k = 0; k < 8; ++k) {
    const uint i = first + 4 * (index + k * threads);
    if (i < end) store(i, there ? decode<4>(row[i / kBlock], i % kBlock) : float4(0.0f));
  }
}
#endif

/// out[t, i] = table[ids[t], i] * scale for a block-quantised table; an id past its end gives zeros. A thread decodes 32
/// elements.
///
/// buffer 0: table blocks [V, H/QK]; 1: ids u32 [T]; 2: out f32 [T, H]; 3: GatherBlocksParams (rows = V)
/// grid: threads (H / 32, T). tolerance: 1e-6 |ref|
template <class Block>
kernel void embedding_gather_scale_batch(device const Block* table [[buffer(0)]],
                                         device const uint* ids [[buffer(1)]],
                                         device float* out [[buffer(2)]],
                                         constant GatherBlocksParams& p [[buffer(3)]],
                                         uint2 gid [[thread_position_in_grid]],
                                         uint2 in_group [[thread_position_in_threadgroup]],
                                         uint2 size [[threads_per_threadgroup]]) {
  typedef Lanes<8> L;
  const uint kBlock = BlockTraits<Block>::kElements;
#if ANYMETAL_NVIDIA
  if (gid.y >= p.n_tokens) return;
  const uint row_id = ids[gid.y], begin = (gid.x - in_group.x) * 32;
  const bool there = row_id < p.rows;
  device const Block* row = table + (there ? ulong(row_id) * (p.hidden / kBlock) : 0);
  device float* target = out + ulong(gid.y) * p.hidden;
  if (ulong(out) % 16 == 0) {
    decode_together(row, there, begin, p.hidden, in_group.x, size.x, [&](uint i, float4 v) { *(device float4*)(target + i) = v * p.scale; });
  } else {
    decode_together(row, there, begin, p.hidden, in_group.x, size.x, [&](uint i, float4 v) { Lanes<4>::store(target + i, v * p.scale); });
  }
  return;
#endif
  const uint first = gid.x * 32;
  if (first >= p.hidden || gid.y >= p.n_tokens) return;
  const uint id = ids[gid.y];
  device float* to = out + ulong(gid.y) * p.hidden + first;
  for (uint i = 0; i < 32; i += 8) {
    L::F value = 0.0f;
    if (id < p.rows) value = decode<8>(table[ulong(id) * (p.hidden / kBlock) + first / kBlock], first % kBlock + i);
    L::store(to + i, value * p.scale);
  }
}

#define INSTANTIATE(name, Block) \
  template [[host_name("embedding_gather_scale_batch_" name "_f32")]] kernel void embedding_gather_scale_batch<Block>( \
      device const Block*, device const uint*, device float*, constant GatherBlocksParams&, uint2, uint2, uint2);
INSTANTIATE("q4_0", BlockQ4_0)
INSTANTIATE("q5_0", BlockQ5_0)
INSTANTIATE("q5_1", BlockQ5_1)
INSTANTIATE("q8_0", BlockQ8_0)
INSTANTIATE("iq4_nl", BlockIQ4_NL)
INSTANTIATE("q4_K", BlockQ4_K)
INSTANTIATE("q5_K", BlockQ5_K)
INSTANTIATE("q6_K", BlockQ6_K)
INSTANTIATE("q4_1", BlockQ4_1)
INSTANTIATE("mxfp4", BlockMXFP4)
INSTANTIATE("q2_K", BlockQ2_K)
INSTANTIATE("q3_K", BlockQ3_K)
INSTANTIATE("iq4_xs", BlockIQ4_XS)
