#include <metal_stdlib>
using namespace metal;

// Counts bytes: each threadgroup in its own memory first, then once into the shared result.
kernel void histogram(device const uchar* bytes [[buffer(0)]],
                      device atomic_uint* counts [[buffer(1)]],
                      constant uint& size [[buffer(2)]],
                      uint i [[thread_position_in_grid]],
                      uint threads_in_grid [[threads_per_grid]],
                      uint thread_index [[thread_index_in_threadgroup]],
                      uint threads [[threads_per_threadgroup]]) {
  threadgroup atomic_uint local[256];
  for (uint bin = thread_index; bin < 256; bin += threads) {
    atomic_store_explicit(&local[bin], 0u, memory_order_relaxed);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint at = i; at < size; at += threads_in_grid) {
    atomic_fetch_add_explicit(&local[bytes[at]], 1u, memory_order_relaxed);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint bin = thread_index; bin < 256; bin += threads) {
    atomic_fetch_add_explicit(&counts[bin], atomic_load_explicit(&local[bin], memory_order_relaxed),
                              memory_order_relaxed);
  }
}
