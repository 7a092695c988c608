// One 64 (N) x 32 (M) tile of a product of weight rows with activation rows on matrix hardware: both go through threadgroup
// memory as T, sums are f32. Rows are read through a source whose four(k) gives elements k .. k + 3 of one row.
//
// As f16, a row of activations has a power of two for every 32 elements, so that nothing finite overflows or is lost below
// the smallest f16.
#pragma once
#include <MetalPerformancePrimitives/MetalPerformancePrimitives.h>
#include "common/blocks.h"
#include "common/matmul_tile.h"

namespace anymetal {

// A row of dense elements; 0 past its end.
template <class T>
struct DenseRow {
  device const T* row;
  uint length;
  DenseRow(device const uchar* bytes, uint count) : row((device const T*)bytes), length(count) {}
  metal::float4 four(uint k) const {
    metal::float4 v = 0.0f;
    for (uint i = 0; i < 4; ++i) {
      if (k + i < length) v[i] = float(row[k + i]);
    }
    return v;
  }
};

// A row of quantised blocks.
template <class Block>
struct BlockRow {
  device const Block* row;
  BlockRow(device const uchar* bytes, uint) : row((device const Block*)bytes) {}
  metal::float4 four(uint k) const {
    const uint kBlock = BlockTraits<Block>::kElements;
    return decode<4>(row[k / kBlock], k % kBlock);
  }
};

// The row of one token in [heads, tokens, head_dim], heads one after the other.
struct HeadsRow {
  device const bfloat* x;
  uint token, tokens, head_dim;
  metal::float4 four(uint k) const {
    device const bfloat* run = x + (ulong(k / head_dim) * tokens + token) * head_dim + k % head_dim;
    return metal::float4(run[0], run[1], run[2], run[3]);
  }
};

// The power of two to divide a row's elements by, so that f16 holds the finite ones, whatever their magnitude. `largest` is over
// this thread's elements; its aligned group of four threads shares the row.
inline float scale_for_f16(float largest) {
  largest = metal::max(largest, metal::simd_shuffle_xor(largest, 1));
  largest = metal::max(largest, metal::simd_shuffle_xor(largest, 2));
  return metal::ldexp(1.0f, largest > 0x1p-80f ? metal::ilogb(largest) - 14 : -94);
}

inline float largest_finite(metal::float4 v) {
  const metal::float4 a = metal::fabs(v);
  return metal::max(metal::max(a.x < INFINITY ? a.x : 0.0f, a.y < INFINITY ? a.y : 0.0f),
                    metal::max(a.z < INFINITY ? a.z : 0.0f, a.w < INFINITY ? a.w : 0.0f));
}

// sum over k < length of weight row * activation row for the tile, element (m, n) = (row, column) of the result. `memory`
// holds 8192 bytes for 16-bit T, 16384 for f32. `weights` is half (thread_index % 2) of row thread_index / 2, `inputs` a
// quarter (thread_index % 4) of row thread_index / 4.
template <class T, class Weights, class Inputs>
auto tensor_product(threadgroup uchar* memory, uint length, uint thread_index, Weights weights, Inputs inputs) {
  using namespace mpp::tensor_ops;
  constexpr auto kProduct = matmul2d_descriptor(kTileM, kTileN, kStep, false, true, false,
                                                matmul2d_descriptor::mode::multiply_accumulate);
  constexpr bool kScaled = metal::is_same_v<T, half>;  // the other types have the range of f32
  threadgroup T* weight_tile = (threadgroup T*)memory;           // [kTileN][kStep]
  threadgroup T* input_tile = weight_tile + kTileN * kStep;      // [kTileM][kStep]
  threadgroup float* scales = (threadgroup float*)(input_tile + kTileM * kStep);  // [kTileM]
  auto left = metal::tensor(input_tile, metal::extents<int, kStep, kTileM>());
  auto right = metal::tensor(weight_tile, metal::extents<int, kStep, kTileN>());
  matmul2d<kProduct, metal::execution_simdgroups<4>> product;
  const auto zero = product.template get_destination_cooperative_tensor<decltype(left), decltype(right), float>();

  const uint weight_half = thread_index % 2 * 16, input_quarter = thread_index % 4 * 8;
  threadgroup T* to_weights = weight_tile + thread_index / 2 * kStep + weight_half;
  threadgroup T* to_inputs = input_tile + thread_index / 4 * kStep + input_quarter;
  auto sums = zero;
  for (uint k = 0; k < length; k += kStep) {
    for (uint i = 0; i < 16; i += 4) {
      const metal::float4 w = weights.four(k + weight_half + i);
      for (uint j = 0; j < 4; ++j) to_weights[i + j] = T(w[j]);
    }
    const metal::float4 x[2] = {inputs.four(k + input_quarter), inputs.four(k + input_quarter + 4)};
    float scale = 1.0f;
    if (kScaled) {
      scale = scale_for_f16(metal::max(largest_finite(x[0]), largest_finite(x[1])));
      if (input_quarter == 0) scales[thread_index / 4] = scale;
    }
    for (uint i = 0; i < 8; ++i) to_inputs[i] = T(x[i / 4][i % 4] / scale);
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);

    if (kScaled) {
      auto step = zero;
      product.run(left, right, step);
      for (int i = 0; i < step.get_capacity(); ++i) sums[i] += step[i] * scales[step.get_multidimensional_index(i)[1]];
    } else {
      product.run(left, right, sums);
    }
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  }
  return sums;
}

}  // namespace anymetal
