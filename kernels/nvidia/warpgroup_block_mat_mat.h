// One tile of a product of input rows with rows of blocks on NVIDIA GPUs of compute capability 9.0, whose four simdgroups
// multiply together: 128 weight rows, decoded to registers by their simdgroup, with 128 inputs in threadgroup memory. Sums are f32.
#pragma once
#include "nvidia/block_mat_mat.h"

namespace anymetal {

// `store(m, n, value)` gets every element of the tile once all are known. The weights' bytes keep their places (straight). Every thread of a threadgroup of 128 must call.
template <class Block, class Inputs, class Store>
void warpgroup_block_mat_mat(threadgroup BlockMatMatTiles<Block>& tiles, threadgroup RowScales* scales, Inputs inputs,
                             BlockRows<Block> weights, uint length, uint thread_index, Store store) {
  typedef BlockStage<Block> Stage;
  constexpr uint kBlocks = kOwnRows / 16, kSums = kGroupTile / 2;
  const uint lane = thread_index % 32, simdgroup = thread_index / 32, g = lane / 4, t = lane % 4;
  threadgroup Stage& stage = tiles.stages[simdgroup];
  const uint first = kOwnRows * simdgroup;

  float sums[kBlocks][kSums] = {};  // of weight rows first + 16i + g + 8 (e / 2 % 2) and inputs 8 (e / 4) + 2t + e % 2
  // Sums times a factor for each input, those of a part of the inputs left out.
  const auto multiply_inputs = [&](threadgroup const float* factors, bool even, bool odd) {
    for (uint j = 0; j < kSums / 4; ++j) {
      for (uint e = 0; e < 2; ++e) {
        const float by = (j % 2 == 0 ? even : odd) ? factors[8 * j + 2 * t + e] : 1.0f;
        for (uint i = 0; i < kBlocks; ++i) sums[i][4 * j + e] *= by, sums[i][4 * j + 2 + e] *= by;
      }
    }
  };
  weights.template copy<true>(stage, first, 0, length, lane);
  inputs.start(scales, thread_index);
  inputs.load(0, thread_index);
  inputs.store(tiles.inputs, scales, 0, 32, thread_index);
  if (32 < length) inputs.load(32, thread_index);
  for (uint k = 0, slot = 0; k < length; k += 32, slot ^= 1) {
    const uint within = k % Stage::kElements, at = k / Stage::kElements * Stage::kBytes;
    if (within == 0) nvidia::await_copies<0>();
    nvidia::publish_tiles();
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    if (metal::any(scales->changed[slot][0] == k + 32)) {
      const bool even = scales->changed[slot][0][t / 2] == k + 32, odd = scales->changed[slot][0][2 + t / 2] == k + 32;
      multiply_inputs(scales->ratios[slot], even, odd);
    }

    const nvidia::TileView tile(tiles.inputs + slot * (kGroupTile * 32));
    const auto rows = row_factors<Block>(stage, within, lane, [&](uint j) { return weights.template skew<true>(first + 8 * j + g, at); });
    for (uint i = 0; i < kBlocks; ++i) {
      const Fragment upper = rows.at(2 * i), lower = rows.at(2 * i + 1);
      nvidia::begin_products();
      for (uint s = 0; s < 2; ++s) {
        const uint factors[4] = {upper.words[2 * s], lower.words[2 * s], upper.words[2 * s + 1], lower.words[2 * s + 1]};
        nvidia::multiply_accumulate(half(), sums[i], factors, tile.at(0, 16 * s));
      }
    }
    nvidia::end_products();
    if (within == Stage::kElements - 32 && k + 32 < length) {
      // The whole simdgroup has read its rows.
      metal::simdgroup_barrier(metal::mem_flags::mem_threadgroup);
      weights.template copy<true>(stage, first, at + Stage::kBytes, length - k - 32, lane);
    }
    if (k + 32 < length) inputs.store(tiles.inputs + (slot ^ 1) * (kGroupTile * 32), scales, slot ^ 1, k + 64, thread_index);
    if (k + 64 < length) inputs.load(k + 64, thread_index);
    nvidia::await_products<0>(sums);
  }
  inputs.finish(scales, thread_index);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  multiply_inputs(scales->inverses, true, true);
  for (uint i = 0; i < kBlocks; ++i) {
    for (uint e = 0; e < kSums; ++e) store(8 * (e / 4) + 2 * t + e % 2, first + 16 * i + g + e / 2 % 2 * 8, sums[i][e]);
  }
}

}  // namespace anymetal
