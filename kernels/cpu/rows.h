// Products of a few weight rows with one vector, by one core.
#pragma once
#include "cpu/blocks.h"

namespace anymetal {

constexpr constant ulong kPrefetchBytes = 1024;  // about what comes from memory while it answers

// Asks for the memory `ahead` bytes after a block; of small blocks every other one asks.
template <class Block>
void prefetch(device const Block* row, ulong block, ulong ahead) {
  if (sizeof(Block) < 32 && block % 2 != 0) return;
#pragma unroll
  for (uint i = 0; i < (sizeof(Block) + 63) / 64; ++i) {
    __builtin_prefetch((device const uchar*)(row + block) + ahead + 64 * i);
  }
}

// sums[r] = sum over k of row r from `first` on times x[k]. Rows from `count` on repeat the last one.
template <class Block, int kRows>
void row_products(device const Block* first, ulong blocks, uint count, device const float* x, thread float* sums) {
  typedef BlockUnits<Block> Units;
  device const Block* rows[kRows];
#pragma unroll
  for (int r = 0; r < kRows; ++r) rows[r] = first + metal::min(uint(r), count - 1) * blocks;
  // Sums enough that an addition need not wait for the one before.
  constexpr uint kChains = kRows >= 8 ? 1 : kRows >= 4 ? 2 : Units::kVectors;
  WideF acc[kRows][kChains] = {};
  for (ulong block = 0; block < blocks; ++block) {
    // Where the row ends the row as many rows further on follows: the next threadgroup's.
    const bool is_within = (block + 1) * sizeof(Block) + kPrefetchBytes <= blocks * sizeof(Block);
    const ulong ahead = is_within ? kPrefetchBytes : kPrefetchBytes + (kRows - 1) * blocks * sizeof(Block);
    float scales[kRows][Units::kScales];
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      prefetch(rows[r], block, ahead);
      Units::scales(rows[r][block], scales[r]);
    }
#pragma unroll 1
    for (uint u = 0; u < Units::kUnits; ++u) {
      device const float* xs = x + block * BlockTraits<Block>::kElements + Units::first(u);
      WideF v[Units::kVectors];
#pragma unroll
      for (uint j = 0; j < Units::kVectors; ++j) v[j] = Wide::load(xs + Units::kApart * j);
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        WideF w[Units::kVectors];
        Units::unit(rows[r][block], scales[r], u, w);
#pragma unroll
        for (uint j = 0; j < Units::kVectors; ++j) acc[r][j % kChains] += w[j] * v[j];
      }
    }
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    WideF sum = acc[r][0];
#pragma unroll
    for (uint c = 1; c < kChains; ++c) sum += acc[r][c];
    sums[r] = Wide::sum(sum);
  }
}

}  // namespace anymetal
