// Products of a few weight rows with a few vectors, by one core.
#pragma once
#include "cpu/blocks.h"
#include "cpu/register_sum.h"

namespace anymetal {

constexpr constant ulong kPrefetchBytes = 2048;  // about what comes from memory while it answers
constexpr constant ulong kShortRows = 16384;     // bytes of rows taken together that the nearest cache holds three times

// Asks for `bytes` of memory from `at` on.
template <ulong bytes>
void prefetch(device const uchar* at) {
#pragma unroll
  for (ulong i = 0; i < (bytes + 63) / 64; ++i) __builtin_prefetch(at + 64 * i);
}

// Asks for memory while `block` of kRows rows is multiplied. Rows that are short are asked for as the one run of memory that
// they are, each line once; of long ones each is a run, and where it ends the row as many rows further on follows: the next
// threadgroup's.
template <class Block, int kRows>
void prefetch_rows(device const uchar* first, thread device const Block* const* rows, ulong row_bytes, ulong block) {
  if (kRows * row_bytes <= kShortRows) {
    constexpr ulong kStep = kRows * sizeof(Block);
    return prefetch<kStep>(first + block * kStep + kRows * row_bytes + 2 * kPrefetchBytes);
  }
  if (sizeof(Block) < 32 && block % 2 != 0) return;  // of small blocks every other one asks
  const bool is_within = (block + 1) * sizeof(Block) + kPrefetchBytes <= row_bytes;
  const ulong ahead = is_within ? kPrefetchBytes : kPrefetchBytes + (kRows - 1) * row_bytes;
#pragma unroll
  for (int r = 0; r < kRows; ++r) prefetch<sizeof(Block)>((device const uchar*)(rows[r] + block) + ahead);
}

// Vectors in memory: elements k .. k + 15 of vector c.
template <class T, int kColumns = 1>
struct Columns {
  device const T* at[kColumns];
  WideF operator()(uint c, ulong k) const { return Wide::load(at[c] + k); }
};

// Stores the first `count` of eight sums.
inline void store_sums(device float* out, thread const float (*sums)[1], uint count) {
  store_up_to(out, *(thread const UnalignedFloat8*)sums, count);
}

// sums[r][c] = sum over k of row r times x(c, k), of `blocks` blocks. Rows lie `row_bytes` apart; those from `count` on
// repeat the last one.
template <class Block, int kRows, int kColumns, class X>
void row_products(device const uchar* first, ulong row_bytes, ulong blocks, uint count, X x, thread float (*sums)[kColumns]) {
  typedef BlockUnits<Block> Units;
  device const Block* rows[kRows];
#pragma unroll
  for (int r = 0; r < kRows; ++r) rows[r] = (device const Block*)(first + metal::min(uint(r), count - 1) * row_bytes);
  // Sums enough that an addition need not wait for the one before.
  constexpr uint kSums = kRows * kColumns, kChains = kSums >= 8 ? 1 : kSums >= 4 ? 2 : Units::kVectors;
  RegisterSum acc[kRows][kColumns][kChains];
  for (ulong block = 0; block < blocks; ++block) {
    prefetch_rows<Block, kRows>(first, rows, row_bytes, block);
    alignas(64) float scales[kRows][Units::kScales];
#pragma unroll
    for (int r = 0; r < kRows; ++r) Units::scales(rows[r][block], scales[r]);
#pragma unroll 1
    for (uint u = 0; u < Units::kUnits; ++u) {
      const ulong k = block * BlockTraits<Block>::kElements + Units::first(u);
      WideF v[kColumns][Units::kVectors];
#pragma unroll
      for (uint c = 0; c < kColumns; ++c) {
#pragma unroll
        for (uint j = 0; j < Units::kVectors; ++j) v[c][j] = x(c, k + Units::kApart * j);
      }
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        WideF w[Units::kVectors];
        Units::unit(rows[r][block], scales[r], u, w);
#pragma unroll
        for (uint c = 0; c < kColumns; ++c) {
#pragma unroll
          for (uint j = 0; j < Units::kVectors; ++j) acc[r][c][j % kChains].add(w[j], v[c][j]);
        }
      }
    }
  }
  if constexpr (kRows == 8 && kColumns == 1) {
    static_assert(kChains == 1, "a sum for each row");
    WideF a[kRows];
#pragma unroll
    for (int r = 0; r < kRows; ++r) a[r] = acc[r][0][0].vector();
    Lanes<8>::store(&sums[0][0], eight_sums(a));
    return;
  }
#pragma unroll
  for (uint c = 0; c < kColumns; ++c) {
    WideF sum[kRows];
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      sum[r] = acc[r][c][0].vector();
#pragma unroll
      for (uint i = 1; i < kChains; ++i) sum[r] += acc[r][c][i].vector();
    }
    if constexpr (kRows == 4) {
      const metal::float4 four = four_sums(sum);
#pragma unroll
      for (int r = 0; r < kRows; ++r) sums[r][c] = four[r];
    } else {
#pragma unroll
      for (int r = 0; r < kRows; ++r) sums[r][c] = Wide::sum(sum[r]);
    }
  }
}

}  // namespace anymetal
