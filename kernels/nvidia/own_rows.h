// Sums over rows of which every thread has one, on NVIDIA GPUs: a simdgroup does the rows of its lanes together, sixteen at a time, so
// that loads lie side by side.
#pragma once
#include "nvidia/query_blocks.h"

namespace anymetal {

struct OwnRowFactors {
  device const float* left;
  device const float* right;
};

// Sum over i < length of left[i] * right[i]; `factors(r)` gives those of lane r's row. All lanes must call. With kAligned rows begin at
// multiples of 16 bytes.
template <bool kAligned, class Factors>
float own_row_sum(uint length, uint lane, Factors factors) {
  float own = 0.0f;
#pragma clang loop unroll(disable)
  for (uint first = 0; first < 32; first += 16) {
    OwnRowFactors rows[16];
    float sums[32];  // of which the first sixteen are used
    for (uint r = 0; r < 16; ++r) {
      rows[r] = factors(first + r);
      sums[r] = 0.0f;
    }
    const uint whole = length / 128 * 128;
#pragma clang loop unroll(disable)
    for (uint i = 4 * lane; i < whole; i += 128) {
      float left[16][4];
      for (uint r = 0; r < 16; ++r) load_floats<kAligned>(left[r], rows[r].left + i);
      metal::simdgroup_barrier(metal::mem_flags::mem_none);  // else the first is used before the last is asked for
      for (uint r = 0; r < 16; ++r) {
        float right[4];
        load_floats<kAligned>(right, rows[r].right + i);
        for (uint e = 0; e < 4; ++e) sums[r] = metal::fma(left[r][e], right[e], sums[r]);  // in this order, whatever the loads are
      }
    }
    const uint rest = whole + 4 * lane;
    if (rest < length) {
      for (uint i = rest; i < metal::min(rest + 4, length); ++i) {
        for (uint r = 0; r < 16; ++r) sums[r] = metal::fma(rows[r].left[i], rows[r].right[i], sums[r]);
      }
    }
    fold_sums<8>(sums, lane);
    fold_sums<4>(sums, lane);
    fold_sums<2>(sums, lane);
    fold_sums<1>(sums, lane);
    const float sum = sums[0] + metal::simd_shuffle_xor(sums[0], ushort(16));
    if (lane / 16 == first / 16) own = sum;
  }
  return own;
}

// Whether a simdgroup has 32 threads with rows of their own; `row` is the thread's, of `count`.
inline bool has_own_rows(uint row, uint count, uint lane, uint threads) {
  return threads % 32 == 0 && count >= 32 && row - lane <= count - 32;
}

}  // namespace anymetal
