// One tile of a product of input rows with rows of blocks on NVIDIA tensor cores, kRows inputs by 128 weights. Each of
// four simdgroups owns 32 weight rows (kOwnRows): it copies their blocks as they are to threadgroup memory, and its
// lanes decode them right into the operands of their products. Sums are f32.
#pragma once
#include "common/matmul_tile.h"
#include "nvidia/block_fragments.h"
#include "nvidia/tile_rows.h"

namespace anymetal {

// The tests on other devices have less threadgroup memory.
#if defined(ANYMETAL_EMULATE_NVIDIA)
constexpr constant uint kOwnRows = 16, kManyTiles = 2;
template <class Block, class Rows>
constexpr uint large_tile() {
  return 64;
}
#else
constexpr constant uint kOwnRows = 32, kManyTiles = 132;
// As many input rows as leave registers for the rest.
template <class Block, class Rows>
constexpr uint large_tile() {
  const bool plain = metal::is_same_v<Rows, FloatRows> && !metal::is_same_v<Block, BlockQ5_1>;
  return BlockTraits<Block>::kElements == 32 && plain ? 128 : 96;
}
#endif
constexpr constant uint kSmallTile = 32, kGroupTile = 4 * kOwnRows;  // input rows; the latter where simdgroups multiply together
constexpr constant uint kBlockColumns = 4 * kOwnRows;  // weight rows of a threadgroup

// The blocks of a simdgroup's kRows weight rows in threadgroup memory, kElements of each at a time: a block or kMost.
template <class Block, uint kRowCount = kOwnRows, uint kMost = 128>
struct BlockStage {
  static constexpr uint kRows = kRowCount, kBlock = BlockTraits<Block>::kElements, kElements = kBlock > kMost ? kBlock : kMost;
  static constexpr uint kBytes = kElements / kBlock * sizeof(Block);
  // Pieces of 16 bytes, the first and the last in part; odd: rows lie in different banks.
  static constexpr uint kPitch = ((kBytes + 15 + 15) / 16) | 1;
  metal::uint4 rows[kRows * kPitch];
};

// Inputs, of which one tile is multiplied and the next one written, and weights.
template <class Block>
struct alignas(1024) BlockMatMatTiles {
  half inputs[2 * kGroupTile * 32];
  BlockStage<Block> stages[4];
};

// A simdgroup's rows on their way there. Rows past the last repeat it. Where rows begin at multiples of the format's
// kAlign, bytes keep their places in pieces of 16; others are moved to a piece's beginning.
template <class Block>
struct BlockRows {
  TileRows rows;
  bool straight;
  BlockRows(device const uchar* base, ulong row_bytes, uint first, uint count)
      : rows(base, row_bytes, first, count),
        straight(BlockFragment<Block>::kAlign != 4 || (((ulong)base | row_bytes) & 3) == 0) {}

  // What a stage takes of the `left` elements from byte `at` on, by eight lanes a row.
  template <bool kStraight = false, class Stage>
  void copy(threadgroup Stage& stage, uint first, uint at, uint left, uint lane) const {
    const uint count = metal::min(left, Stage::kElements) / Stage::kBlock * uint(sizeof(Block));
    if (kStraight || straight) {
      for (uint i = 0; i < Stage::kRows / 4; ++i) {
        const uint row = lane / 8 + 4 * i;
        device const uchar* from = rows.kept_at(first + row) + at;
        const uint skew = uint((ulong)from & 15);
        for (uint j = 0; j < Stage::kPitch / 8 + 1; ++j) {
          const uint piece = lane % 8 + 8 * j;
          if (16 * piece < skew + count)
            nvidia::copy_16(stage.rows + row * Stage::kPitch + piece, from - skew + 16 * piece);
        }
      }
    } else {
#pragma nounroll
      for (uint row = lane / 8; row < Stage::kRows; row += 4) {
        device const uchar* from = rows.kept_at(first + row) + at;
#pragma nounroll
        for (uint piece = lane % 8; 16 * piece < count; piece += 8)
          stage.rows[row * Stage::kPitch + piece] = moved(from + 16 * piece, count - 16 * piece);
      }
    }
    nvidia::end_copies();
  }
  template <bool kStraight = false>
  uint skew(uint row, uint at) const {
    if (!kStraight && !straight) return 0;
    // Two ways to the same: which takes fewer registers depends on the architecture.
    if (!have_warpgroup_products()) return (uint((ulong)rows.kept_at(row)) + at) & 15;
    return (uint((ulong)rows.top) + metal::min(row, rows.last) * rows.stride + at) & 15;
  }
};

// The lane's factors from its rows 8j + lane / 4 of a stage: 32 elements of each from `within` on. `skew(j)`: how far into a
// piece of 16 bytes row j begins. The whole simdgroup calls.
template <class Block, class Stage, class Skew>
struct RowFactors {
  static constexpr uint kAcross = Stage::kRows / 8;
  threadgroup Stage& stage;
  uint within, lane;
  Skew skew;
  BlockFragment<Block> own;
  RowFactors(threadgroup Stage& stage, uint within, uint lane, Skew skew) : stage(stage), within(within), lane(lane), skew(skew) {
    if (Stage::kBlock == 256) own.load(block_at(lane % 4 % kAcross), within / 32);
  }
  Place16 block_at(uint j) const {
    const uint row_place = (8 * j + lane / 4) * (Stage::kPitch * 16) + skew(j);
    return {(threadgroup const uchar*)stage.rows, row_place + within / Stage::kBlock * uint(sizeof(Block))};
  }
  Fragment at(uint j) const {
    BlockFragment<Block> factors;
    if (Stage::kBlock == 256) {
      for (uint i = 0; i < factors.kWords; ++i) factors.words[i] = nvidia::from_lane(own.words[i], lane / 4 * 4 + j);
    } else {
      factors.load(block_at(j), 0);
    }
    return factors.decode(block_at(j), within / 32, lane % 4);
  }
};
template <class Block, class Stage, class Skew>
RowFactors<Block, Stage, Skew> row_factors(threadgroup Stage& stage, uint within, uint lane, Skew skew) {
  return {stage, within, lane, skew};
}

// `store(m, n, value)` gets every element of the tile once all are known. Every thread of a threadgroup of 128 must
// call.
template <uint kRows, class Block, class Inputs, class Store>
void nvidia_block_mat_mat(threadgroup BlockMatMatTiles<Block>& tiles, threadgroup RowScales* scales, Inputs inputs,
                          BlockRows<Block> weights, uint length, uint thread_index, Store store) {
  typedef BlockStage<Block> Stage;
  constexpr uint kDown = kRows / 16, kAcross = kOwnRows / 8;  // products of a simdgroup
  const uint lane = thread_index % 32, simdgroup = thread_index / 32, g = lane / 4, t = lane % 4;
  threadgroup Stage& stage = tiles.stages[simdgroup];
  const uint first = kOwnRows * simdgroup;

  float sums[kDown][kAcross][4] = {};
  const auto multiply_rows = [&](threadgroup const float* factors, bool upper, bool lower) {
    for (uint i = 0; i < kDown; ++i) {
      const float up = upper ? factors[16 * i + lane / 4] : 1.0f, low = lower ? factors[16 * i + lane / 4 + 8] : 1.0f;
      for (uint j = 0; j < kAcross; ++j) {
        for (uint e = 0; e < 4; ++e) sums[i][j][e] *= e < 2 ? up : low;
      }
    }
  };
  weights.copy(stage, first, 0, length, lane);
  inputs.start(scales, thread_index);
  inputs.load(0, thread_index);
  inputs.store(tiles.inputs, scales, 0, 32, thread_index);
  if (32 < length) inputs.load(32, thread_index);
  for (uint k = 0, slot = 0; k < length; k += 32, slot ^= 1) {
    const uint within = k % Stage::kElements, at = k / Stage::kElements * Stage::kBytes;
    if (within == 0) {
      nvidia::await_copies<0>();
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    const bool upper = scales->changed[slot][0][lane / 16] == k + 32,
               lower = scales->changed[slot][0][2 + lane / 16] == k + 32;
    if (upper || lower) multiply_rows(scales->ratios[slot], upper, lower);

    const auto rows = row_factors<Block>(stage, within, lane, [&](uint j) { return weights.skew(first + 8 * j + g, at); });
    Fragment b[kAcross];
    for (uint j = 0; j < kAcross; ++j) b[j] = rows.at(j);
    if (within == Stage::kElements - 32 && k + 32 < length) {
      // The whole simdgroup has read its rows.
      metal::simdgroup_barrier(metal::mem_flags::mem_threadgroup);
      weights.copy(stage, first, at + Stage::kBytes, length - k - 32, lane);
    }
    for (uint i = 0; i < kDown; ++i) {
      uint a[2][4];
      for (uint s = 0; s < 2; ++s)
        nvidia::load_matrices(a[s],
                              tiles.inputs + slot * (kRows * 32) + tile_at(lane % 16 + 16 * i, 2 * s + lane / 16));
      for (uint s = 0; s < 2; ++s) {
        for (uint j = 0; j < kAcross; ++j)
          nvidia::multiply_accumulate(half(), sums[i][j], a[s], b[j].words[2 * s], b[j].words[2 * s + 1]);
      }
    }
    if (k + 32 < length) inputs.store(tiles.inputs + (slot ^ 1) * (kRows * 32), scales, slot ^ 1, k + 64, thread_index);
    if (k + 64 < length) inputs.load(k + 64, thread_index);
  }
  inputs.finish(scales, thread_index);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  multiply_rows(scales->inverses, true, true);
  for (uint i = 0; i < kDown; ++i) {
    for (uint j = 0; j < kAcross; ++j) {
      for (uint e = 0; e < 4; ++e) store(16 * i + g + e / 2 * 8, first + 8 * j + 2 * t + e % 2, sums[i][j][e]);
    }
  }
}

}  // namespace anymetal
