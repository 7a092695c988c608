// The largest elements of a row by one threadgroup of an NVIDIA GPU: a bound from the maxima of the row's pieces, then the few
// elements that reach it.
#pragma once
#include <metal_stdlib>
#include "common/top_k.h"

namespace anymetal {

// Larger for larger floats; -0 is below 0.
inline uint float_order(float x) {
  const uint bits = metal::as_type<uint>(x);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}
inline float float_of_order(uint order) {
  return metal::as_type<float>((order >> 31) != 0 ? order & 0x7fffffffu : ~order);
}

// The k-th largest of `count` floats in `maxima` by a simdgroup of `lanes` threads, to each of them; -inf where there are fewer than k.
inline float kth_of(threadgroup const float* maxima, uint count, uint k, uint lane, uint lanes) {
  uint found = 0;
  for (uint bit = 32; bit-- > 0;) {
    const uint tried = found | 1u << bit;
    uint reached = 0;
    for (uint i = lane; i < count; i += lanes) reached += float_order(maxima[i]) >= tried ? 1 : 0;
    if (metal::simd_sum(reached) >= k) found = tried;
  }
  return found == 0 ? -INFINITY : float_of_order(found);
}

// Calls visit(value, index) for the elements of `x` in iterations [first, last) that are this thread's: of fours where `fours`,
// else single ones; several loads are on their way before the first is used.
template <class Visit>
void visit_ahead(device const float* x, uint n, bool fours, uint first, uint last, uint index, uint size, Visit visit) {
  constexpr uint kAhead = 8;
  for (uint i = first; i < last; i += kAhead) {
    metal::float4 ahead[kAhead];
#pragma unroll
    for (uint j = 0; j < kAhead; ++j) {
      const ulong at = 4 * (ulong(i + j) * size + index);
      const ulong end = i + j < last ? n : 0;
      if (fours && at + 4 <= end) {
        ahead[j] = *(device const metal::float4*)(x + at);
      } else {
#pragma unroll
        for (uint e = 0; e < 4; ++e) ahead[j][e] = at + e < end ? x[at + e] : -INFINITY;
      }
    }
#pragma unroll
    for (uint j = 0; j < kAhead; ++j) visit(ahead[j], 4 * ((i + j) * size + index));
  }
}

// Writes the k largest of x[n] as top_k_f32 does; false, and nothing written, where as many elements as `values` and `indices`
// hold reach the bound, the threadgroup's size times k. All threads must call.
inline bool top_k_by_bound(device const float* x, uint n, uint k, device uint* out_indices, device float* out_values,
                           threadgroup float* values, threadgroup uint* indices, uint index, uint size, uint lane) {
  const bool fours = ((ulong)x & 15) == 0;
  const uint iterations = metal::max(1u, uint((ulong(n) + 4ul * size - 1) / (4ul * size)));
  // About four pieces for each element wanted, as many for each thread as `values` has room for.
  const uint wanted = metal::clamp(4 * ((k + size - 1) / size), 1u, metal::min(k, iterations));
  const uint run = (iterations + wanted - 1) / wanted, pieces = (iterations + run - 1) / run;
  for (uint piece = 0; piece < pieces; ++piece) {
    float most = -INFINITY;
    visit_ahead(x, n, fours, piece * run, metal::min(iterations, (piece + 1) * run), index, size, [&](metal::float4 v, uint) {
      most = metal::max(most, metal::max(metal::max(v.x, v.y), metal::max(v.z, v.w)));
    });
    values[piece * size + index] = most;
  }
  const uint room = size * k - 1;  // the last place counts what was found
  threadgroup metal::atomic_uint* found = (threadgroup metal::atomic_uint*)(indices + room);
  if (index == 0) metal::atomic_store_explicit(found, 0u, metal::memory_order_relaxed);
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  const float least = kth_of(values, pieces * size, k, lane, metal::min(32u, size - index / 32 * 32));

  for (uint piece = 0; piece < pieces; ++piece) {
    if (!(values[piece * size + index] >= least)) continue;
    visit_ahead(x, n, fours, piece * run, metal::min(iterations, (piece + 1) * run), index, size, [&](metal::float4 v, uint at) {
#pragma unroll
      for (uint e = 0; e < 4; ++e) {
        if (!(v[e] >= least && v[e] > -INFINITY)) continue;
        const uint slot = metal::atomic_fetch_add_explicit(found, 1u, metal::memory_order_relaxed);
        if (slot < room) indices[slot] = at + e;
      }
    });
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  const uint count = metal::atomic_load_explicit(found, metal::memory_order_relaxed);
  if (count > room) return false;
  for (uint i = index; i < count; i += size) values[i] = x[indices[i]];
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  for (uint i = index; i < count; i += size) {
    const Candidate own = {values[i], int(indices[i])};
    uint rank = 0;
    for (uint j = 0; j < count; ++j) rank += precedes({values[j], int(indices[j])}, own) ? 1 : 0;
    if (rank >= k) continue;
    out_values[rank] = own.value;
    out_indices[rank] = uint(own.index);
  }
  for (uint i = count + index; i < k; i += size) {
    out_values[i] = -INFINITY;
    out_indices[i] = 0;
  }
  return true;
}

}  // namespace anymetal
