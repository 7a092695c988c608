// Sorting, scan, histogram with threadgroup atomics
#include <metal_stdlib>
#include <metal_atomic>
using namespace metal;
template <typename T, ushort BINS, ushort THREADS> struct Histogram {
  threadgroup atomic<T>* bins;
  void clear(ushort tid) const { for (ushort b = tid; b < BINS; b += THREADS) atomic_store_explicit(bins + b, T(0), memory_order_relaxed); }
  T add(ushort bin) const { return atomic_fetch_add_explicit(&bins[bin], T(1), memory_order_relaxed); }
  T get(ushort bin) const { return atomic_load_explicit(bins + bin, memory_order_relaxed); }
};
template <typename T> T group_exclusive_scan(T value, threadgroup T* sums, ushort lane, ushort simd, ushort simds) {
  const T inclusive = simd_prefix_inclusive_sum(value);
  if (lane == 31) sums[simd] = inclusive;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (simd == 0) { const T s = lane < simds ? sums[lane] : T(0); sums[lane] = simd_prefix_exclusive_sum(s); }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  return sums[simd] + inclusive - value;
}
kernel void radix_pass(device const uint* keys [[buffer(0)]], device uint* sorted [[buffer(1)]], device atomic_uint* totals [[buffer(2)]], constant uint& shift [[buffer(3)]],
                       constant uint& n [[buffer(4)]], ushort tid [[thread_position_in_threadgroup]], ushort lane [[thread_index_in_simdgroup]], ushort simd [[simdgroup_index_in_threadgroup]],
                       ushort simds [[simdgroups_per_threadgroup]]) {
  threadgroup uint sums[32]; threadgroup atomic_uint counters[16];
  Histogram<uint, 16, 64> histogram{counters};
  histogram.clear(tid);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const uint key = tid < n ? keys[tid] : ~0u; const ushort digit = (key >> shift) & 15;
  if (tid < n) histogram.add(digit);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (tid < 16) atomic_fetch_add_explicit(&totals[tid], histogram.get(tid), memory_order_relaxed);
  uint base = 0, place = 0;
  for (ushort d = 0; d < 16; ++d) {
    const uint mine = tid < n && digit == d;
    const uint before = group_exclusive_scan(mine, sums, lane, simd, simds);
    if (mine) place = base + before;
    base += histogram.get(d);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
  if (tid < n) sorted[place] = key;
}
kernel void votes(device const int* x [[buffer(0)]], device uint* out [[buffer(1)]], uint i [[thread_position_in_grid]], uint lane [[thread_index_in_simdgroup]], uint ql [[thread_index_in_quadgroup]]) {
  const simd_vote vote = simd_ballot(x[i] > 0); const quad_vote q = quad_ballot(x[i] & 1);
  const auto mask = simd_vote::vote_t(vote);
  out[i] = uint(popcount(uint(mask & ((1ul << lane) - 1)))) + (vote.any() ? 100 : 0) + (vote.all() ? 1000 : 0) + uint(quad_vote::vote_t(q)) * 10000 + quad_broadcast(ql + lane, 2) * 1000000;
}
