#include <metal_stdlib>
#include "common/nvidia.h"
using namespace metal;

namespace {

/// Of equal values the lower index stays; what was not found has index 0 and the value -inf.
struct Best {
  float value = -INFINITY;
  uint index = 0;

  /// Over the simdgroup's active lanes, to all of them.
  Best over_simdgroup() const {
    Best best;
    best.value = simd_max(value);
    best.index = simd_min(value == best.value ? index : 0xffffffffu);
    return best;
  }
};

#if ANYMETAL_NVIDIA
/// Of a thread's share of n elements from a multiple of 16 bytes on: four at a time, eight fours ahead of the comparisons.
Best best_of_fours(device const float* x, uint n, uint thread_index, uint size) {
  constexpr uint kAhead = 8;
  device const float4* fours = (device const float4*)x;
  Best best;
  for (uint first = thread_index; first < n / 4; first += kAhead * size) {
    float4 ahead[kAhead];
    for (uint j = 0; j < kAhead; ++j) ahead[j] = first + j * size < n / 4 ? fours[first + j * size] : float4(-INFINITY);
    for (uint j = 0; j < kAhead; ++j) {
      const float4 v = ahead[j];
      if (!(max(max(v.x, v.y), max(v.z, v.w)) > best.value)) continue;
      for (uint e = 0; e < 4; ++e) {
        if (v[e] > best.value) {
          best.value = v[e];
          best.index = 4 * (first + j * size) + e;
        }
      }
    }
  }
  for (uint i = n / 4 * 4 + thread_index; i < n; i += size) {
    if (x[i] > best.value) {
      best.value = x[i];
      best.index = i;
    }
  }
  return best;
}
#endif

}  // namespace

/// Index and value of the largest element; of equal ones the lowest index. NaN is never chosen; where nothing exceeds -inf
/// the index is 0 and the value -inf.
///
/// buffer 0: x f32 [n]; 1: index u32 [1]; 2: value f32 [1]; 3: u32 n; threadgroup 0: f32 per thread; 1: u32 per thread
/// grid: one threadgroup of any size. tolerance: exact
kernel void argmax_f32(device const float* x [[buffer(0)]],
                       device uint* out_index [[buffer(1)]],
                       device float* out_value [[buffer(2)]],
                       constant uint& n [[buffer(3)]],
                       threadgroup float* values [[threadgroup(0)]],
                       threadgroup uint* indices [[threadgroup(1)]],
                       uint thread_index [[thread_index_in_threadgroup]],
                       uint size [[threads_per_threadgroup]]) {
  constexpr uint kLanes = 32, kAhead = 8;
  const uint simdgroup = thread_index / kLanes, lane = thread_index % kLanes;
  const uint simdgroups = (size + kLanes - 1) / kLanes, lanes = min(kLanes, size - simdgroup * kLanes);
  Best best;
#if ANYMETAL_NVIDIA
  const bool in_fours = ((ulong)x & 15) == 0;
  if (in_fours) best = best_of_fours(x, n, thread_index, size);
#else
  constexpr bool in_fours = false;
#endif
  // Else each simdgroup takes a contiguous share, its lanes neighbouring elements of it, several loads ahead of the comparisons.
  const uint share = (n + simdgroups - 1) / simdgroups;
  const uint begin = in_fours ? n : min(n, simdgroup * share), end = min(n, begin + share);
  for (uint first = begin + lane; first < end; first += kAhead * lanes) {
    float ahead[kAhead];
    for (uint j = 0; j < kAhead; ++j) ahead[j] = first + j * lanes < end ? x[first + j * lanes] : -INFINITY;
    for (uint j = 0; j < kAhead; ++j) {
      if (ahead[j] > best.value) {
        best.value = ahead[j];
        best.index = first + j * lanes;
      }
    }
  }
  best = best.over_simdgroup();
  if (lane == 0) {
    values[simdgroup] = best.value;
    indices[simdgroup] = best.index;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simdgroup != 0) return;
  best = Best();
  for (uint s = lane; s < simdgroups; s += lanes) {
    if (values[s] > best.value) {
      best.value = values[s];
      best.index = indices[s];
    }
  }
  best = best.over_simdgroup();
  if (lane != 0) return;
  out_index[0] = best.index;
  out_value[0] = best.value;
}
