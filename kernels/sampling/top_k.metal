#include <metal_stdlib>
#include "common/nvidia.h"
#include "common/top_k.h"
#if ANYMETAL_NVIDIA
#include "nvidia/top_k.h"
#endif
using namespace metal;
using namespace anymetal;

struct TopKParams {
  uint n;
  uint k;
};

// The k largest elements one thread has seen, in the order of choice. Slots of one rank lie side by side over the threads.
struct Best {
  threadgroup float* values;
  threadgroup uint* indices;
  uint stride;  // from rank to rank
  uint capacity;
  uint count;

  // Of equal values the earlier one stays in front.
  void offer(float value, uint index) {
    const bool full = count == capacity;
    if (full && !(value > values[(capacity - 1) * stride])) return;
    uint rank = full ? capacity - 1 : count++;
    for (; rank > 0 && value > values[(rank - 1) * stride]; --rank) {
      values[rank * stride] = values[(rank - 1) * stride];
      indices[rank * stride] = indices[(rank - 1) * stride];
    }
    values[rank * stride] = value;
    indices[rank * stride] = index;
  }
};

/// The k largest elements in descending order, of equal ones the lowest index first. NaN and -inf are never chosen; where
/// fewer than k elements remain the value is -inf and the index 0.
///
/// buffer 0: x f32 [n]; 1: indices u32 [k]; 2: values f32 [k]; 3: u32 {n, k}; threadgroup 0: f32 [threads, k];
/// 1: u32 [threads, k]
/// grid: one threadgroup of any size. tolerance: exact
kernel void top_k_f32(device const float* x [[buffer(0)]],
                      device uint* out_indices [[buffer(1)]],
                      device float* out_values [[buffer(2)]],
                      constant TopKParams& p [[buffer(3)]],
                      threadgroup float* values [[threadgroup(0)]],
                      threadgroup uint* indices [[threadgroup(1)]],
                      uint index [[thread_index_in_threadgroup]],
                      uint size [[threads_per_threadgroup]],
                      uint lane [[thread_index_in_simdgroup]],
                      uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  if (p.k == 0) return;
#if ANYMETAL_NVIDIA
  if (top_k_by_bound(x, p.n, p.k, out_indices, out_values, values, indices, index, size, lane)) return;
  threadgroup_barrier(mem_flags::mem_threadgroup);
#endif
  Best best = {values + index, indices + index, size, p.k, 0};
  const uint share = (p.n + size - 1) / size;
  const uint begin = min(p.n, index * share), end = min(p.n, begin + share);
  for (uint i = begin; i < end; ++i) {
    if (x[i] > -INFINITY) best.offer(x[i], i);
  }
  for (uint rank = best.count; rank < p.k; ++rank) best.values[rank * size] = -INFINITY;
  threadgroup_barrier(mem_flags::mem_threadgroup);

  // The first simdgroup merges the threads' lists: each lane looks after every 32nd of them.
  if (simdgroup != 0) return;
  // Of a list that has lost its first element that one's place holds how many it lost, beside a NaN.
  for (uint slot = 0; slot < p.k; ++slot) {
    Candidate head = kAfterAll;
    uint head_list = lane, head_taken = 0;
    for (uint list = lane; list < size; list += 32) {
      const uint taken = isnan(values[list]) ? indices[list] : 0, at = list + taken * size;
      if (taken == p.k || values[at] == -INFINITY) continue;
      const Candidate c = {values[at], int(indices[at])};
      if (precedes(c, head)) {
        head = c;
        head_list = list;
        head_taken = taken;
      }
    }
    const Candidate chosen = simd_first(head);
    const bool found = chosen.index != kAfterAll.index;
    if (found && head.index == chosen.index) {
      values[head_list] = NAN;
      indices[head_list] = head_taken + 1;
    }
    if (lane == 0) {
      out_values[slot] = chosen.value;
      out_indices[slot] = found ? uint(chosen.index) : 0;
    }
  }
}
