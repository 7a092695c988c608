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

// `store(m, n, value)` gets every element of the tile once all are known. `scales` holds kStages x 128 floats where the inputs
// have scales and is not used otherwise. Every thread of a threadgroup of 128 must call.
template <bool kScaled, class T, uint kColumns, uint kStages, class Inputs, class Weights, class Store>
void nvidia_mat_mat(threadgroup MatMatTiles<T, kColumns, kStages>& tiles, threadgroup float* scales, Inputs inputs, Weights weights, uint length,
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
  const auto put = [&](uint stage) {
    if constexpr (!Inputs::kCopied) inputs.store(tiles.inputs[stage], scales + 128 * stage, thread_index);
    if constexpr (!Weights::kCopied) weights.store(tiles.weights[stage], scales, thread_index);
  };

  float sums[4][kAcross][4] = {};
  copy(0, 0);
  copy(32, 1);
  load(0);
  put(0);
  for (uint k = 0, stage = 0; k < length; k += 32) {
    const uint next = stage == kStages - 1 ? 0 : stage + 1;
    nvidia::await_copies<1>();
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    copy(k + 64, next == kStages - 1 ? 0 : next + 1);
    const bool more = k + 32 < length;
    if (more) load(k + 32);
    uint b[2][kAcross / 2][4];  // two steps of 16 elements, two products across
    for (uint s = 0; s < 2; ++s) {
      for (uint j = 0; j < kAcross / 2; ++j) {
        nvidia::load_matrices(b[s][j], tiles.weights[stage] + tile_at(weight_row + 16 * j, 2 * s + weight_chunk));
      }
    }
    for (uint i = 0; i < 4; ++i) {
      uint a[2][4];
      for (uint s = 0; s < 2; ++s) nvidia::load_matrices(a[s], tiles.inputs[stage] + tile_at(input_row + 16 * i, 2 * s + input_chunk));
      if (kScaled) {
        threadgroup const float* scale = scales + 128 * stage + m_part + 16 * i + lane / 4;
        const float upper = scale[0], lower = scale[8];
        for (uint j = 0; j < kAcross; ++j) {
          float step[4] = {};
          for (uint s = 0; s < 2; ++s) nvidia::multiply_accumulate(T(), step, a[s], b[s][j / 2][j % 2 * 2], b[s][j / 2][j % 2 * 2 + 1]);
          for (uint e = 0; e < 4; ++e) sums[i][j][e] += step[e] * (e < 2 ? upper : lower);
        }
      } else {
        for (uint s = 0; s < 2; ++s) {
          for (uint j = 0; j < kAcross; ++j) {
            nvidia::multiply_accumulate(T(), sums[i][j], a[s], b[s][j / 2][j % 2 * 2], b[s][j / 2][j % 2 * 2 + 1]);
          }
        }
      }
    }
    if (more) put(next);
    stage = next;
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
