#include <metal_stdlib>
using namespace metal;

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
  // Each thread takes a contiguous share: the first maximum of the first share that has one is the lowest index.
  const uint share = (n + size - 1) / size;
  const uint begin = min(n, thread_index * share), end = min(n, begin + share);
  float best = -INFINITY;
  uint best_index = 0;
  for (uint i = begin; i < end; ++i) {
    if (x[i] > best) {
      best = x[i];
      best_index = i;
    }
  }
  values[thread_index] = best;
  indices[thread_index] = best_index;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (thread_index != 0) return;
  for (uint t = 1; t < size; ++t) {
    if (values[t] > best) {
      best = values[t];
      best_index = indices[t];
    }
  }
  out_index[0] = best_index;
  out_value[0] = best;
}
