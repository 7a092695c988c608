// One tile of a product of input rows with weight rows on NVIDIA GPUs of compute capability 9.0, whose four simdgroups multiply
// together, right from threadgroup memory and beside what they do next. Sums are f32.
#pragma once
#include "nvidia/tile_rows.h"

namespace anymetal {

// The tests on other devices have less threadgroup memory.
#if defined(ANYMETAL_EMULATE_NVIDIA)
constexpr constant uint kAcrossColumns = 32;
#else
constexpr constant uint kAcrossColumns = 128;
#endif

// A tile is two products of 64 rows by kAcrossColumns weights, one above the other (kDown 2) or beside it (kDown 1, which reads
// inputs half as often and weights twice as often). 32 elements of every row at a time: one such stage is multiplied, the one
// before it perhaps still, and the others are on their way.
template <class T, uint kDown>
struct alignas(1024) WarpgroupTiles {
  static constexpr uint kRows = 64 * kDown, kColumns = kAcrossColumns * (2 / kDown);
  static constexpr uint kStages = kAcrossColumns < 128 ? 3 : kDown == 2 ? 5 : 4;
  T inputs[kStages][kRows * 32];
  T weights[kStages][kColumns * 32];
};

// The tile for inputs of f32: those that are scaled are few, so that their scaling is.
template <class T>
constexpr uint float_inputs_down() {
  return metal::is_same_v<T, half> || kAcrossColumns < 128 ? 1 : 2;
}

// `store(m, n, value)` gets every element of the tile once all are known. `scales` is used where the inputs have some. Every
// thread of a threadgroup of 128 must call.
template <bool kScaled, class T, uint kDown, class Inputs, class Weights, class Store>
void warpgroup_mat_mat(threadgroup WarpgroupTiles<T, kDown>& tiles, threadgroup RowScales* scales, Inputs inputs, Weights weights, uint length,
                       uint thread_index, Store store) {
  constexpr uint kSums = kAcrossColumns / 2, kStages = WarpgroupTiles<T, kDown>::kStages, kAhead = kStages - 2;
  const uint lane = thread_index % 32, top = thread_index / 32 * 16 + lane / 4;

  const auto copy = [&](uint k, uint stage) {
    if (k < length) {
      if constexpr (Inputs::kCopied) inputs.copy(tiles.inputs[stage], k, thread_index);
      weights.copy(tiles.weights[stage], k, thread_index);
    }
    nvidia::end_copies();
  };
  const auto load = [&](uint k) {
    if constexpr (!Inputs::kCopied) inputs.load(k, thread_index);
  };
  const auto put = [&](uint stage, uint k) {
    if constexpr (!Inputs::kCopied) inputs.store(tiles.inputs[stage], scales, stage, k + 32, thread_index);
  };

  float sums[2][kSums] = {};
  const auto row_of = [=](uint i) { return kDown == 2 ? 64 * i : 0; };
  const auto column_of = [=](uint i) { return kDown == 2 ? 0 : kAcrossColumns * i; };
  // Sums times a factor for each row, `factors` of a part of the rows counting from `top` on.
  const auto multiply_rows = [&](threadgroup const float* factors, bool upper, bool lower) {
    for (uint i = 0; i < 2; ++i) {
      const float up = upper ? factors[row_of(i) + top] : 1.0f, low = lower ? factors[row_of(i) + top + 8] : 1.0f;
      for (uint e = 0; e < kSums; ++e) sums[i][e] *= e / 2 % 2 == 0 ? up : low;
    }
  };
  if constexpr (kScaled) inputs.start(scales, thread_index);
  for (uint i = 0; i < kAhead; ++i) copy(32 * i, i);
  // What is not copied is on its way to registers from one tile's products to the next one's.
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
      if (kScaled && rescaled != k && metal::any(scales->changed[stage] == k + 32)) break;
      nvidia::begin_products();
      const nvidia::TileView a(tiles.inputs[stage]), b(tiles.weights[stage]);
      for (uint s = 0; s < 2; ++s) {
        for (uint i = 0; i < 2; ++i) nvidia::multiply_accumulate(T(), sums[i], a.at(row_of(i), 16 * s), b.at(column_of(i), 16 * s));
      }
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
    const metal::bool4 changed = scales->changed[stage] == k + 32;
    multiply_rows(scales->ratios[stage], changed[lane / 16], changed[2 + lane / 16]);
    rescaled = k;
  }
  if constexpr (kScaled) {
    inputs.finish(scales, thread_index);
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    multiply_rows(scales->inverses, true, true);
  }
  for (uint i = 0; i < 2; ++i) {
    for (uint e = 0; e < kSums; ++e) store(row_of(i) + top + e / 2 % 2 * 8, column_of(i) + e / 4 * 8 + lane % 4 * 2 + e % 2, sums[i][e]);
  }
}

}  // namespace anymetal
