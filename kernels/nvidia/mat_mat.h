// One tile of a product of input rows with weight rows on NVIDIA tensor cores, 128 inputs by kColumns weights, by four
// simdgroups that own a quarter each. Sums are f32.
#pragma once
#include "nvidia/tile_rows.h"

namespace anymetal {

template <class T, uint kColumns>
struct MatMatTiles {
  T inputs[2][128 * 32];
  T weights[2][kColumns * 32];
};

// `store(m, n, value)` gets every element of the tile once all are known. `scales` holds 2 x 128 floats where the inputs
// have scales and is not used otherwise. Every thread of a threadgroup of 128 must call.
template <class T, uint kColumns, bool kScaled, class Inputs, class Weights, class Store>
void nvidia_mat_mat(threadgroup MatMatTiles<T, kColumns>& tiles, threadgroup float* scales, Inputs inputs, Weights weights, uint length,
                    uint thread_index, Store store) {
  constexpr uint kAcross = kColumns / 16;  // products of a simdgroup side by side
  const uint lane = thread_index % 32, simdgroup = thread_index / 32;
  const uint m_part = simdgroup / 2 * 64, n_part = simdgroup % 2 * (kColumns / 2);
  const uint input_row = m_part + lane % 16, input_chunk = lane / 16;
  const uint weight_row = n_part + lane / 16 * 8 + lane % 8, weight_chunk = lane / 8 % 2;

  float sums[4][kAcross][4] = {};
  for (uint part = 0; part < 2; ++part) {
    inputs.load(0, thread_index, part);
    weights.load(0, thread_index, part);
    inputs.store(tiles.inputs[0], scales, thread_index, part);
    weights.store(tiles.weights[0], scales, thread_index, part);
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  for (uint k = 0, stage = 0; k < length; k += 32, stage ^= 1) {
    const bool more = k + 32 < length;
    uint b[2][kAcross / 2][4];  // two steps of 16 elements, two products across
#pragma unroll
    for (uint part = 0; part < 2; ++part) {
      if (more) {
        inputs.load(k + 32, thread_index, part);
        weights.load(k + 32, thread_index, part);
      }
      if (part == 0) {
        for (uint s = 0; s < 2; ++s) {
          for (uint j = 0; j < kAcross / 2; ++j) {
            nvidia::load_matrices(b[s][j], tiles.weights[stage] + tile_at(weight_row + 16 * j, 2 * s + weight_chunk));
          }
        }
      }
      for (uint i = 2 * part; i < 2 * part + 2; ++i) {
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
      if (more) {
        inputs.store(tiles.inputs[stage ^ 1], scales + 128 * (stage ^ 1), thread_index, part);
        weights.store(tiles.weights[stage ^ 1], scales, thread_index, part);
      }
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
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
