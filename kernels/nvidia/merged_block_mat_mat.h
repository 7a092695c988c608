// One tile of a product of input rows with rows of blocks by a merged threadgroup on NVIDIA GPUs of compute capability 9.0, four of
// whose simdgroups multiply together. Each decodes its weight rows to registers while the products of those before
// run, inputs lie in threadgroup memory. Sums are f32.
#pragma once
#include "nvidia/block_mat_mat.h"
#include "nvidia/merged_threadgroups.h"

namespace anymetal {

// The tests on other devices have less threadgroup memory.
#if defined(ANYMETAL_EMULATE_NVIDIA)
constexpr constant uint kMergedColumns = 32, kMergedStage = 32;
#else
constexpr constant uint kMergedColumns = 128, kMergedStage = 128;
#endif

// 16 kDown weight rows a simdgroup by 2 / kDown times kMergedColumns inputs.
template <class Block, uint kDown>
struct alignas(1024) MergedTiles {
  static constexpr uint kOwn = 16 * kDown;  // weight rows of a simdgroup
  static constexpr uint kInputs = kMergedColumns * 2 / kDown, kWeights = kMergedThreads / 32 * kOwn;
  static constexpr uint kAcross = kInputs / 32, kAlong = kWeights / 64;  // threadgroups, of kTileM inputs and kTileN weight rows
  typedef BlockStage<Block, kOwn, kMergedStage> Stage;
  half inputs[2][kInputs * 32];          // one is multiplied and the next one written
  Stage stages[2][kMergedThreads / 32];  // one is decoded and the next one on its way
};

// `store(m, n, value)` gets every element of the tile once all are known. Every thread of a threadgroup of kMergedThreads must call. Its weights
// are the weight_tile-th of weight_tiles that are multiplied with the same inputs.
template <class Block, uint kDown, class Inputs, class Store>
void merged_block_mat_mat(threadgroup MergedTiles<Block, kDown>& tiles, threadgroup typename Inputs::Scales* scales, Inputs inputs,
                          BlockRows<Block> weights, uint length, uint weight_tile, uint weight_tiles, uint thread_index, Store store) {
  typedef MergedTiles<Block, kDown> Tiles;
  typedef typename Tiles::Stage Stage;
  constexpr uint kSums = Tiles::kInputs / 2;
  const uint lane = thread_index % 32, simdgroup = thread_index / 32, g = lane / 4, t = lane % 4;
  const uint first = Tiles::kOwn * simdgroup;

  // The factors of a step of 32 elements: of sixteen rows each, sixteen elements at a time.
  struct Factors {
    uint words[kDown][2][4];
  };
  const auto copy = [&](uint k) {
    weights.copy(tiles.stages[k / Stage::kElements % 2][simdgroup], first, k / Stage::kElements * Stage::kBytes, length - k, lane);
  };
  const auto decode = [&](uint k) {
    const uint within = k % Stage::kElements, at = k / Stage::kElements * Stage::kBytes;
    if (within == 0) {
      nvidia::await_copies<0>();
      // What the whole simdgroup has copied is there, and it has read what the next copies write over.
      metal::simdgroup_barrier(metal::mem_flags::mem_threadgroup);
      if (k + Stage::kElements < length) copy(k + Stage::kElements);
    }
    const auto rows = row_factors<Block>(tiles.stages[k / Stage::kElements % 2][simdgroup], within, lane,
                                         [&](uint j) { return weights.skew(first + 8 * j + g, at); });
    Factors factors;
    for (uint i = 0; i < kDown; ++i) {
      const Fragment upper = rows.at(2 * i), lower = rows.at(2 * i + 1);
      for (uint s = 0; s < 2; ++s) {
        for (uint w = 0; w < 4; ++w) factors.words[i][s][w] = (w % 2 == 0 ? upper : lower).words[2 * s + w / 2];
      }
    }
    return factors;
  };

  // Of weight rows first + 16 i + g + 8 (e / 2 % 2) and inputs 8 (e / 4) + 2t + e % 2.
  float sums[kDown][kSums] = {};
  // Sums times a factor for each input that `is_meant`.
  const auto multiply_inputs = [&](threadgroup const float* factors, auto is_meant) {
    for (uint j = 0; j < kSums / 4; ++j) {
      for (uint e = 0; e < 2; ++e) {
        const uint input = 8 * j + 2 * t + e;
        const float by = is_meant(input) ? factors[input] : 1.0f;
        for (uint i = 0; i < kDown; ++i) sums[i][4 * j + e] *= by, sums[i][4 * j + 2 + e] *= by;
      }
    }
  };
  copy(0);
  const uint turns = metal::min(Inputs::kFetchers, weight_tiles), turn = weight_tile % turns;
  constexpr bool kFetches = !metal::is_same_v<Block, BlockQ2_K>;  // for which there are no registers
  if (kFetches) inputs.fetch_first(thread_index, turn, turns);
  inputs.start(scales, thread_index);
  inputs.load(0, thread_index);
  inputs.store(tiles.inputs[0], scales, 0, 32, thread_index);
  if (32 < length) inputs.load(32, thread_index);
  // The products of the 32 elements from k on, and meanwhile what the next ones need.
  const auto multiply = [&](uint k, uint slot, thread const Factors& factors, thread Factors& next) {
    nvidia::publish_tiles();
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    if (__builtin_expect(scales->are_new(slot, k + 32), false)) {
      multiply_inputs(scales->ratios[slot], [&](uint input) { return scales->is_new(slot, k + 32, input); });
    }
    const nvidia::TileView tile(tiles.inputs[slot]);
    nvidia::begin_products();
    for (uint s = 0; s < 2; ++s) {
      for (uint i = 0; i < kDown; ++i) nvidia::multiply_accumulate(half(), sums[i], factors.words[i][s], tile.at(0, 16 * s));
    }
    nvidia::end_products();
    if (k + 32 < length) {
      inputs.store(tiles.inputs[slot ^ 1], scales, slot ^ 1, k + 64, thread_index);
      if (k + 64 < length) inputs.load(k + 64, thread_index);
      if (kFetches) inputs.fetch(k + 64 + Inputs::kFetched, thread_index, turn, turns);
      next = decode(k + 32);
    }
    nvidia::await_products<0>(sums);
    for (uint i = 0; i < kDown; ++i) {
      for (uint s = 0; s < 2; ++s) nvidia::release_factors(factors.words[i][s]);
    }
  };
  Factors even = decode(0), odd = even;
  for (uint k = 0; k < length; k += 64) {
    multiply(k, 0, even, odd);
    if (k + 32 >= length) break;
    multiply(k + 32, 1, odd, even);
  }
  inputs.finish(scales, thread_index);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  multiply_inputs(scales->inverses, [](uint) { return true; });
  for (uint i = 0; i < kDown; ++i) {
    for (uint j = 0; j < kSums / 4; ++j) {
      for (uint e = 0; e < 4; ++e) store(8 * j + 2 * t + e % 2, first + 16 * i + g + e / 2 * 8, sums[i][4 * j + e]);
    }
  }
}

}  // namespace anymetal
