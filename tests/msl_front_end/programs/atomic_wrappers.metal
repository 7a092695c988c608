// Atomics: template wrapper, compare-exchange maximum on float, packed bytes
#include <metal_stdlib>
using namespace metal;
template <typename T> struct cell_t { atomic<T> val; };
template <typename T> METAL_FUNC void cell_add(device cell_t<T>* c, T v, size_t at) { atomic_fetch_add_explicit(&(c[at].val), v, memory_order_relaxed); }
METAL_FUNC void cell_max(device cell_t<float>* c, float v, size_t at) {
  float e = atomic_load_explicit(&(c[at].val), memory_order_relaxed);
  while (v > e) { if (atomic_compare_exchange_weak_explicit(&(c[at].val), &e, v, memory_order_relaxed, memory_order_relaxed)) return; }
}
kernel void x40(device cell_t<int>* n [[buffer(0)]], device cell_t<float>* m [[buffer(1)]], device atomic_uint* bits [[buffer(2)]], uint i [[thread_position_in_grid]]) {
  cell_add(n, 1, 0); cell_add(m, 0.5f, 1); cell_max(m, float(i), 0); atomic_fetch_or_explicit(&bits[i / 32], 1u << (i % 32), memory_order_relaxed);
}
