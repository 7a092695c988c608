// A scan that looks back over threadgroups, union and find by compare and exchange, and estimates by random numbers.
#include <metal_stdlib>
using namespace metal;
kernel void lookback(device const uint* in [[buffer(0)]], device uint* out [[buffer(1)]], device atomic_uint* status [[buffer(2)]],
                     device atomic_uint* ticket [[buffer(3)]], uint lid [[thread_index_in_threadgroup]],
                     uint n [[threads_per_threadgroup]]) {
  threadgroup uint tile, prefix;
  threadgroup uint sums[32];
  if (lid == 0) tile = atomic_fetch_add_explicit(ticket, 1u, memory_order_relaxed);
  threadgroup_barrier(mem_flags::mem_threadgroup);
  const uint i = tile * n + lid;
  const uint v = in[i];
  const uint incl = simd_prefix_inclusive_sum(v);
  if ((lid & 31) == 31) sums[lid >> 5] = incl;
  threadgroup_barrier(mem_flags::mem_threadgroup);
  uint base = 0;
  for (uint k = 0; k < (lid >> 5); ++k) base += sums[k];
  const uint total_in = base + incl;
  threadgroup uint& shared_total = sums[31];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  if (lid == n - 1) {
    shared_total = total_in;
    constexpr uint kAgg = 1u << 30, kPre = 2u << 30, kMask = kAgg - 1;
    uint exclusive = 0;
    if (tile == 0)
      atomic_store_explicit(&status[0], kPre | total_in, memory_order_relaxed);
    else {
      atomic_store_explicit(&status[tile], kAgg | total_in, memory_order_relaxed);
      int t = int(tile) - 1;
      while (true) {
        uint s;
        do {
          s = atomic_load_explicit(&status[t], memory_order_relaxed);
        } while ((s >> 30) == 0);
        exclusive += s & kMask;
        if (s & kPre) break;
        --t;
      }
      atomic_store_explicit(&status[tile], kPre | ((exclusive + total_in) & kMask), memory_order_relaxed);
    }
    prefix = exclusive;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  out[i] = prefix + total_in;
}
inline uint find_root(device atomic_uint* parent, uint x) {
  uint p = atomic_load_explicit(parent + x, memory_order_relaxed);
  while (p != x) {
    uint g = atomic_load_explicit(parent + p, memory_order_relaxed);
    atomic_compare_exchange_weak_explicit(parent + x, &p, g, memory_order_relaxed, memory_order_relaxed);
    x = p;
    p = atomic_load_explicit(parent + x, memory_order_relaxed);
  }
  return x;
}
kernel void unite(device atomic_uint* parent [[buffer(0)]], device const uint2* edges [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  uint a = edges[i].x, b = edges[i].y;
  for (;;) {
    a = find_root(parent, a);
    b = find_root(parent, b);
    if (a == b) return;
    if (a < b) {
      const uint t = a;
      a = b;
      b = t;
    }
    uint expected = a;
    if (atomic_compare_exchange_weak_explicit(parent + a, &expected, b, memory_order_relaxed, memory_order_relaxed)) return;
  }
}
kernel void flatten(device atomic_uint* parent, device uint* label, uint i [[thread_position_in_grid]]) { label[i] = find_root(parent, i); }
struct pcg32 {
  ulong state, inc;
  pcg32(ulong seed, ulong seq) {
    state = 0u;
    inc = (seq << 1) | 1;
    next();
    state += seed;
    next();
  }
  uint next() {
    ulong old = state;
    state = old * 0x5851f42d4c957f2dUL + inc;
    uint xs = uint(((old >> 18u) ^ old) >> 27u);
    uint rot = uint(old >> 59u);
    return (xs >> rot) | (xs << ((~rot + 1u) & 31));
  }
  float uniform() { return as_type<float>((next() >> 9) | 0x3f800000u) - 1.0f; }
};
kernel void monte_carlo(device atomic_uint* hits [[buffer(0)]], constant ulong& seed [[buffer(1)]], uint id [[thread_position_in_grid]]) {
  pcg32 rng(seed, id);
  uint n = 0;
  for (int i = 0; i < 64; ++i) {
    float2 p = {rng.uniform(), rng.uniform()};
    n += length_squared(p) < 1.f;
  }
  n = simd_sum(n);
  if (simd_is_first()) atomic_fetch_add_explicit(hits, n, memory_order_relaxed);
}
