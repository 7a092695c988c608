// Products grouped by expert on NVIDIA tensor cores.
#pragma once
#include "common/matmul_tile.h"
#include "nvidia/block_product.h"

namespace anymetal {

// A tile of entries of an expert's list by 128 of its weight rows; the entries' places in dst are theirs alone. `scratch`
// holds 8192 bytes.
template <class Block>
void nvidia_mat_mat_id(threadgroup BlockMatMatTiles<Block>& tiles, threadgroup uchar* scratch, constant ExpertMatMatParams& p,
                       device const uchar* weight, device const uchar* x, device const int* list, uint count, device float* dst,
                       uint3 group, uint thread_index) {
  const uint rows = uint(p.ne0), length = uint(p.ne00), slots = uint(p.ne20), slot_stride = uint(p.ne1);
  const uint m0 = group.x * kTileM, n0 = group.y * kTileN;
  threadgroup ulong* offsets = (threadgroup ulong*)(scratch + 4096);
  const uint entry = uint(list[metal::min(m0 + thread_index, count - 1)]);
  offsets[thread_index] = entry / slots * p.nb12 + entry % slots % uint(p.ne11) * p.nb11;
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  const BlockRows<Block> weights(weight + group.z * p.nb02, p.nb01, n0, rows);
  nvidia_block_product<Block>(tiles, scratch, ListedRows{x, offsets}, weights, length, group, are_large<Block, ListedRows>(count, rows, ulong(p.ne02)),
                              thread_index, [=](uint m, uint n, float value) {
                                if (m0 + m >= count || n0 + n >= rows) return;
                                const uint to = uint(list[m0 + m]);
                                dst[(ulong(to / slots) * slot_stride + to % slots) * rows + n0 + n] = value;
                              });
}

}  // namespace anymetal
