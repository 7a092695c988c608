#include <metal_stdlib>
#include "cpu/blocks.h"
using namespace metal;
using namespace anymetal;

// kernels: embedding_gather_scale_batch_q4_0_f32 embedding_gather_scale_batch_q5_0_f32
// kernels: embedding_gather_scale_batch_q5_1_f32 embedding_gather_scale_batch_q8_0_f32
// kernels: embedding_gather_scale_batch_iq4_nl_f32 embedding_gather_scale_batch_q4_K_f32
// kernels: embedding_gather_scale_batch_q5_K_f32 embedding_gather_scale_batch_q6_K_f32
// kernels: embedding_gather_scale_batch_q4_1_f32 embedding_gather_scale_batch_mxfp4_f32
// kernels: embedding_gather_scale_batch_q2_K_f32 embedding_gather_scale_batch_q3_K_f32
// kernels: embedding_gather_scale_batch_iq4_xs_f32

struct GatherBlocksParams {
  float scale;
  uint hidden;
  uint n_tokens;
  uint rows;
};

/// embedding/embedding_gather_scale.metal for a core that takes the whole rows of a threadgroup. The row of the token after is
/// asked for meanwhile.
template <class Block>
kernel void embedding_gather_scale_batch(device const Block* table [[buffer(0)]],
                                         device const uint* ids [[buffer(1)]],
                                         device float* out [[buffer(2)]],
                                         constant GatherBlocksParams& p [[buffer(3)]],
                                         uint2 group [[threadgroup_position_in_grid]],
                                         uint2 size [[dispatch_threads_per_threadgroup]]) {
  typedef BlockUnits<Block> Units;
  const GatherBlocksParams shape = p;
  const uint blocks = shape.hidden / BlockTraits<Block>::kElements;
  if (group.x != 0 || blocks == 0) return;  // else all of it would be there twice, once for rows of no blocks
  const uint last = uint(min(ulong(group.y + 1) * size.y, ulong(shape.n_tokens)));
  for (uint t = group.y * size.y; t < last; ++t) {
    device float* to = out + ulong(t) * shape.hidden;
    if (ids[t] >= shape.rows) {
      uint i = 0;
      do Wide::store(to + i, 0.0f);
      while ((i += 16) < shape.hidden);
      continue;
    }
    device const Block* row = table + ulong(ids[t]) * blocks;
    device const uchar* next = (device const uchar*)(table + ulong(ids[min(t + 1, shape.n_tokens - 1)]) * blocks);
    for (uint b = 0; b < blocks; ++b) {
      if (sizeof(Block) >= 32 || b % 2 == 0) {
        for (uint i = 0; i < sizeof(Block); i += 64) __builtin_prefetch(next + b * sizeof(Block) + i);
      }
      alignas(64) float scales[Units::kScales];
      Units::scales(row[b], scales);
#pragma unroll
      for (uint u = 0; u < Units::kUnits; ++u) {
        WideF w[Units::kVectors];
        Units::unit(row[b], scales, u, w);
#pragma unroll
        for (uint j = 0; j < Units::kVectors; ++j)
          Wide::store(to + b * BlockTraits<Block>::kElements + Units::first(u) + Units::kApart * j, w[j] * shape.scale);
      }
    }
  }
}

#define INSTANTIATE(name, Block) \
  template [[host_name("embedding_gather_scale_batch_" name "_f32")]] kernel void embedding_gather_scale_batch<Block>( \
      device const Block*, device const uint*, device float*, constant GatherBlocksParams&, uint2, uint2);
FOR_EACH_BLOCK_FORMAT(INSTANTIATE)
