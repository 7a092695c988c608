// One tile of a product of input rows with weight rows on NVIDIA GPUs of compute capability 9.0, where four simdgroups multiply
// together, right from threadgroup memory and beside what they do next. Sums are f32.
#pragma once
#include "nvidia/merged_threadgroups.h"
#include "nvidia/tile_rows.h"

namespace anymetal {

// The tests on other devices have less threadgroup memory.
#if defined(ANYMETAL_EMULATE_NVIDIA)
constexpr constant uint kAcrossColumns = 64;
#else
constexpr constant uint kAcrossColumns = 256;
#endif

// Each four simdgroups have the product of 64 rows by kAcrossColumns weights. 32 elements of every row at a time: one such
// stage is multiplied, the one before it perhaps still, and the others are on their way.
template <class T, uint kFours = kMergedParts>
struct alignas(1024) WarpgroupTiles {
  static constexpr uint kThreads = 128 * kFours, kRows = 64 * kFours, kColumns = kAcrossColumns;
  static constexpr uint kStages = kAcrossColumns < 256 ? 3 : 6;
  T inputs[kStages][kRows * 32];
  T weights[kStages][kColumns * 32];
};

// `store(m, n, value)` gets every element of the tile once all are known. `scales` is used where the inputs have some. Every
// thread of a threadgroup of kThreads must call.
template <bool kScaled, class T, uint kFours, class Scales, class Inputs, class Weights, class Store>
void warpgroup_mat_mat(threadgroup WarpgroupTiles<T, kFours>& tiles, threadgroup Scales* scales, Inputs inputs, Weights weights, uint length,
                       uint thread_index, Store store) {
  constexpr uint kSums = kAcrossColumns / 2, kStages = WarpgroupTiles<T, kFours>::kStages, kAhead = kStages - 2;
  const uint lane = thread_index % 32, first = kFours == 1 ? 0 : thread_index / 128 * 64;
  const uint top = first + thread_index / 32 % 4 * 16 + lane / 4;

  const auto copy = [&](uint k, uint stage) {
    if (k < length) {
      if constexpr (Inputs::kCopied) inputs.copy(tiles.inputs[stage], k, thread_index);
      weights.copy(tiles.weights[stage], k, thread_index);
    }
    nvidia::end_copies();
  };
  const auto load = [&](uint k) {
    if constexpr (!Inputs::kCopied) {
      inputs.load(k, thread_index);
      inputs.fetch(k + Inputs::kFetched, thread_index);
    }
  };
  const auto put = [&](uint stage, uint k) {
    if constexpr (!Inputs::kCopied) inputs.store(tiles.inputs[stage], scales, stage, k + 32, thread_index);
  };

  float sums[1][kSums] = {};
  // Sums times a factor for each row, `factors` of a part of the rows counting from `top` on.
  const auto multiply_rows = [&](threadgroup const float* factors, bool upper, bool lower) {
    const float up = upper ? factors[top] : 1.0f, low = lower ? factors[top + 8] : 1.0f;
    for (uint j = 0; j < kSums / 4; ++j) {
      for (uint e = 0; e < 4; ++e) sums[0][4 * j + e] *= e < 2 ? up : low;
    }
  };
  if constexpr (kScaled) inputs.start(scales, thread_index);
  for (uint i = 0; i < kAhead; ++i) copy(32 * i, i);
  // What is not copied is on its way to registers from one tile's products to the next one's.
  if constexpr (!Inputs::kCopied) inputs.fetch_first(thread_index);
  load(0);
  put(0, 0);
  if (32 < length) load(32);
  uint k = 0, stage = 0, rescaled = ~0u;
  for (;;) {
    while (k < length) {
      const uint next = stage == kStages - 1 ? 0 : stage + 1;
      nvidia::await_copies<int(kAhead) - 1>();
      nvidia::publish_tiles();
      metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
      // Sums are touched outside this loop only, where no product is under way.
      if (kScaled && rescaled != k && scales->are_new(stage, k + 32)) break;
      nvidia::begin_products();
      const nvidia::TileView a(tiles.inputs[stage]), b(tiles.weights[stage]);
      for (uint s = 0; s < 2; ++s) nvidia::multiply_accumulate(T(), sums[0], a.at(first, 16 * s), b.at(0, 16 * s));
      nvidia::end_products();
      // The products before these are complete in all simdgroups since the barrier.
      copy(k + 32 * kAhead, stage < 2 ? stage + kAhead : stage - 2);
      if (k + 32 < length) put(next, k + 32);
      if (k + 64 < length) load(k + 64);
      nvidia::await_products<1>(sums);
      stage = next;
      k += 32;
    }
    nvidia::await_products<0>(sums);
    if (!kScaled || k >= length) break;
    multiply_rows(scales->ratios[stage], scales->is_new(stage, k + 32, top), scales->is_new(stage, k + 32, top + 8));
    rescaled = k;
  }
  if constexpr (kScaled) {
    inputs.finish(scales, thread_index);
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    multiply_rows(scales->inverses, true, true);
  }
  for (uint j = 0; j < kSums / 4; ++j) {
    for (uint e = 0; e < 4; ++e) store(top + e / 2 * 8, 8 * j + lane % 4 * 2 + e % 2, sums[0][4 * j + e]);
  }
}

}  // namespace anymetal
