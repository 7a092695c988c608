// One tile of a product of input rows with weight rows on NVIDIA tensor cores, 128 inputs by kColumns weights, by four
// simdgroups that own a quarter each. Sums are f32.
#pragma once
#include "nvidia/tile_rows.h"

namespace anymetal {

// Tiles of 32 elements of every row: one is multiplied and the next one written; where tiles are copied a third is on its way.
template <class T, uint kColumns, uint kStages>
struct MatMatTiles {
  T inputs[kStages][128 * 32];
  T weights[kStages][kColumns * 32];
};

// `store(m, n, value)` gets every element of the tile once all are known. `scales` is used where the inputs have some. Every
// thread of a threadgroup of 128 must call.
template <bool kScaled, class T, uint kColumns, uint kStages, class Inputs, class Weights, class Store>
void nvidia_mat_mat(threadgroup MatMatTiles<T, kColumns, kStages>& tiles, threadgroup RowScales* scales, Inputs inputs, Weights weights, uint length,
                    uint thread_index, Store store) {
  constexpr uint kAcross = kColumns / 16;  // products of a simdgroup side by side
  static_assert(kStages == (Inputs::kCopied || Weights::kCopied ? 3 : 2), "a tile must not be written while it is read");
  const uint lane = thread_index % 32, simdgroup = thread_index / 32;
  const uint m_part = simdgroup / 2 * 64, n_part = simdgroup % 2 * (kColumns / 2);
  const uint input_row = m_part + lane % 16, input_chunk = lane / 16;
  const uint weight_row = n_part + lane / 16 * 8 + lane % 8, weight_chunk = lane / 8 % 2;

  const auto copy = [&](uint k, uint stage) {
    if (k < length) {
      if constexpr (Inputs::kCopied) inputs.copy(tiles.inputs[stage], k, thread_index);
      if constexpr (Weights::kCopied) weights.copy(tiles.weights[stage], k, thread_index);
    }
    nvidia::end_copies();
  };
  const auto load = [&](uint k) {
    if constexpr (!Inputs::kCopied) inputs.load(k, thread_index);
    if constexpr (!Weights::kCopied) weights.load(k, thread_index);
  };
  const auto put = [&](uint stage, uint k) {
    if constexpr (!Inputs::kCopied) inputs.store(tiles.inputs[stage], scales, stage, k + 32, thread_index);
    if constexpr (!Weights::kCopied) weights.store(tiles.weights[stage], thread_index);
  };

  float sums[4][kAcross][4] = {};
  // Sums times a factor for each row, `factors` of a part of the rows counting from m_part + lane / 4 on.
  const auto multiply_rows = [&](threadgroup const float* factors, bool upper, bool lower) {
    for (uint i = 0; i < 4; ++i) {
      const float up = upper ? factors[m_part + 16 * i + lane / 4] : 1.0f, low = lower ? factors[m_part + 16 * i + lane / 4 + 8] : 1.0f;
      for (uint j = 0; j < kAcross; ++j) {
        for (uint e = 0; e < 4; ++e) sums[i][j][e] *= e < 2 ? up : low;
      }
    }
  };
  if constexpr (kScaled) inputs.start(scales, thread_index);
  copy(0, 0);
  copy(32, 1);
  // What is not copied is on its way to registers during a whole tile's products, the barrier before them included.
  load(0);
  put(0, 0);
  if (32 < length) load(32);
  for (uint k = 0, stage = 0; k < length; k += 32) {
    const uint next = stage == kStages - 1 ? 0 : stage + 1;
    nvidia::await_copies<1>();
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    copy(k + 64, next == kStages - 1 ? 0 : next + 1);
    const bool more = k + 32 < length;
    if constexpr (kScaled) {
      const bool upper = scales->changed[stage][0][lane / 16] == k + 32, lower = scales->changed[stage][0][2 + lane / 16] == k + 32;
      if (upper || lower) multiply_rows(scales->ratios[stage], upper, lower);
    }
    uint b[2][kAcross / 2][4];  // two steps of 16 elements, two products across
    for (uint s = 0; s < 2; ++s) {
      for (uint j = 0; j < kAcross / 2; ++j) {
        nvidia::load_matrices(b[s][j], tiles.weights[stage] + tile_at(weight_row + 16 * j, 2 * s + weight_chunk));
      }
    }
    for (uint i = 0; i < 4; ++i) {
      uint a[2][4];
      for (uint s = 0; s < 2; ++s) nvidia::load_matrices(a[s], tiles.inputs[stage] + tile_at(input_row + 16 * i, 2 * s + input_chunk));
      for (uint s = 0; s < 2; ++s) {
        for (uint j = 0; j < kAcross; ++j) {
          nvidia::multiply_accumulate(T(), sums[i][j], a[s], b[s][j / 2][j % 2 * 2], b[s][j / 2][j % 2 * 2 + 1]);
        }
      }
    }
    if (more) put(next, k + 32);
    if (k + 64 < length) load(k + 64);
    stage = next;
  }
  if constexpr (kScaled) {
    inputs.finish(scales, thread_index);
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    multiply_rows(scales->inverses, true, true);
  }
  for (uint i = 0; i < 4; ++i) {
    for (uint j = 0; j < kAcross; ++j) {
      for (uint e = 0; e < 4; ++e) {
        store(m_part + 16 * i + lane / 4 + e / 2 * 8, n_part + 8 * j + lane % 4 * 2 + e % 2, sums[i][j][e]);
      }
    }
  }
}

}  // namespace anymetal
