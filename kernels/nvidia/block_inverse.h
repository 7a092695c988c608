// The inverse of a unit lower triangular matrix of 64 rows by blocks, for NVIDIA GPUs. What bounds substitution there is threadgroup memory: it
// gives four bytes a lane in a clock, one factor of one product. Blocks of 16 are inverted so; of two blocks and what is below the first,
// [X 0; A Y], the inverse is [X' 0; -Y' A X' Y'], products of which a thread has a tile in registers.
#pragma once
#include "nvidia/substitution.h"

namespace anymetal {

constant constexpr uint kInverseRows = 64;

// tile = sum over k < kDepth of left[r][k] * right[k][c], for kRows rows from `left` on and the four columns from `right` on; both have rows of
// kPitch elements and begin at multiples of 16 bytes.
template <uint kPitch, uint kRows, uint kDepth>
void multiply_tile(thread float (&tile)[kRows][4], threadgroup const float* left, threadgroup const float* right) {
  for (uint r = 0; r < kRows; ++r) {
    for (uint c = 0; c < 4; ++c) tile[r][c] = 0.0f;
  }
#pragma unroll
  for (uint k = 0; k < kDepth; k += 4) {
    metal::float4 b[4];
#pragma unroll
    for (uint i = 0; i < 4; ++i) b[i] = *(threadgroup const metal::float4*)(right + (k + i) * kPitch);
#pragma unroll
    for (uint r = 0; r < kRows; ++r) {
      const metal::float4 a = *(threadgroup const metal::float4*)(left + r * kPitch + k);
#pragma unroll
      for (uint i = 0; i < 4; ++i) {
#pragma unroll
        for (uint c = 0; c < 4; ++c) tile[r][c] = metal::fma(a[i], b[i][c], tile[r][c]);
      }
    }
  }
}

template <uint kPitch, uint kRows>
void store_tile(thread const float (&tile)[kRows][4], float factor, threadgroup float* to) {
#pragma unroll
  for (uint r = 0; r < kRows; ++r) {
    *(threadgroup metal::float4*)(to + r * kPitch) = metal::float4(tile[r][0], tile[r][1], tile[r][2], tile[r][3]) * factor;
  }
}

// Below the diagonal block at (first, first) of kSize rows, whose inverse is there as is that of the next one: A becomes -Y' A X'. The tile of
// this thread is kRows rows from `row` on and four columns from `column` on. All threads must call; those that are not `there` have none.
template <uint kPitch, uint kSize, uint kRows>
void join_blocks(threadgroup float* m, uint first, uint row, uint column, bool there) {
  threadgroup float* below = m + (first + kSize) * kPitch + first;
  threadgroup float* own = below + row * kPitch + column;
  float tile[kRows][4];
  if (there) multiply_tile<kPitch, kRows, kSize>(tile, below + row * kPitch, m + first * kPitch + first + column);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  if (there) store_tile<kPitch>(tile, 1.0f, own);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  if (there) multiply_tile<kPitch, kRows, kSize>(tile, below + kSize + row * kPitch, below + column);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  if (there) store_tile<kPitch>(tile, -1.0f, own);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
}

// m [64][64] in rows of kPitch, at a multiple of 16 bytes, of which what is below the diagonal counts, becomes the inverse of I + that. All
// threads must call, 64 of them work.
template <uint kPitch>
void invert_unit_lower(threadgroup float* m, uint index) {
  constexpr uint kBlock = 16;
  const bool works = index < kInverseRows;
  const uint first = index / kBlock * kBlock, column = index % kBlock;
  threadgroup float* block = m + first * kPitch + first;
  float x[kBlock];
  if (works) {
#pragma unroll
    for (uint i = 0; i < kBlock; ++i) x[i] = i == column ? 1.0f : 0.0f;
    substitute<float, kBlock, kPitch>(x, block, kBlock);
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  if (works) {
    for (uint i = 0; i < kBlock; ++i) block[i * kPitch + column] = x[i];
    for (uint c = first + kBlock + column; c < kInverseRows; c += kBlock) {  // above the diagonal
      for (uint i = 0; i < kBlock; ++i) m[(first + i) * kPitch + c] = 0.0f;
    }
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  join_blocks<kPitch, kBlock, 2>(m, index / 32 * 32 % kInverseRows, index % 32 / 4 * 2, index % 4 * 4, works);
  join_blocks<kPitch, 2 * kBlock, 4>(m, 0, index / 8 % 8 * 4, index % 8 * 4, works);
}

}  // namespace anymetal
