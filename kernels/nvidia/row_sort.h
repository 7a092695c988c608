// A row of 256 keys sorted by a simdgroup in registers, for NVIDIA GPUs: the network of common/bitonic.h.
#pragma once
#include <metal_stdlib>

namespace anymetal {

constant constexpr uint kSortedRow = 256, kLaneKeys = kSortedRow / 32;

inline ulong key_of_lane(ulong key, uint distance) {
  const uint low = metal::simd_shuffle_xor(uint(key), ushort(distance)), high = metal::simd_shuffle_xor(uint(key >> 32), ushort(distance));
  return ulong(high) << 32 | low;
}

// Key r of lane l becomes the (8 l + r)-th largest. All 32 lanes must call.
inline void sort_row_descending(thread ulong (&keys)[kLaneKeys], uint lane) {
#pragma unroll
  for (uint run = 2; run <= kSortedRow; run *= 2) {
#pragma unroll
    for (uint distance = run / 2; distance >= kLaneKeys; distance /= 2) {
      const bool takes_larger = ((lane * kLaneKeys & distance) == 0) == ((lane * kLaneKeys & run) == 0);
#pragma unroll
      for (uint r = 0; r < kLaneKeys; ++r) {
        const ulong other = key_of_lane(keys[r], distance / kLaneKeys);
        keys[r] = (keys[r] > other) == takes_larger ? keys[r] : other;
      }
    }
#pragma unroll
    for (uint distance = metal::min(run / 2, kLaneKeys / 2); distance > 0; distance /= 2) {
#pragma unroll
      for (uint r = 0; r < kLaneKeys; ++r) {
        if ((r & distance) != 0) continue;
        const ulong a = keys[r], b = keys[r + distance];
        const bool stays = (a > b) == (((lane * kLaneKeys + r) & run) == 0);
        keys[r] = stays ? a : b;
        keys[r + distance] = stays ? b : a;
      }
    }
  }
}

}  // namespace anymetal
