// Reductions over a threadgroup of any size.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// Who a thread is among the threads that share one row.
struct Team {
  uint index;      // in the threadgroup
  uint size;       // threads in the threadgroup
  uint lane;       // in the simdgroup
  uint simdgroup;  // in the threadgroup
};

struct Add {
  template <class T> T operator()(T a, T b) const { return a + b; }
};
struct Max {
  template <class T> T operator()(T a, T b) const { return metal::max(a, b); }
};
struct Min {
  template <class T> T operator()(T a, T b) const { return metal::min(a, b); }
};

// The simdgroup of a thread as a team of its own: it needs neither scratch nor barriers.
inline Team own_simdgroup(Team team) {
  return {team.lane, metal::min(32u, team.size - 32 * team.simdgroup), team.lane, 0};
}

// Combines per-simdgroup values over the threadgroup and gives the result to every thread. `scratch` holds one element
// per simdgroup; it is free for reuse afterwards. Every thread of the threadgroup must call.
template <class Combine, class T>
T threadgroup_combine(T value, threadgroup T* scratch, Team team) {
  const uint simdgroups = (team.size + 31) / 32;
  if (simdgroups == 1) return value;
  if (team.lane == 0) scratch[team.simdgroup] = value;
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  T total = scratch[0];
  for (uint i = 1; i < simdgroups; ++i) total = Combine()(total, scratch[i]);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  return total;
}

inline float threadgroup_sum(float value, threadgroup float* scratch, Team team) {
  return threadgroup_combine<Add>(metal::simd_sum(value), scratch, team);
}

inline float threadgroup_max(float value, threadgroup float* scratch, Team team) {
  return threadgroup_combine<Max>(metal::simd_max(value), scratch, team);
}

// Sum of the values of the threads before this one; `scratch` and who must call as in threadgroup_combine.
inline float threadgroup_sum_before(float value, threadgroup float* scratch, Team team) {
  const float inclusive = metal::simd_prefix_inclusive_sum(value);
  float before = metal::simd_prefix_exclusive_sum(value);
  if (team.size <= 32) return before;
  if (team.lane == 31) scratch[team.simdgroup] = inclusive;
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  for (uint i = 0; i < team.simdgroup; ++i) before += scratch[i];
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  return before;
}

}  // namespace anymetal
