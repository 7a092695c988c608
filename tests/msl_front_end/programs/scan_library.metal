// Prefix sums by SIMD-groups: CRTP policies, variadic operators, enable_if, segmented and compacting scans, decoupled look-back.
#include <metal_stdlib>
using namespace metal;

template <typename Derived, typename T> struct Operation {
  T operator()(T a, T b) const { return static_cast<thread const Derived*>(this)->apply(a, b); }
  T scan(T x, ushort lane) const {
#pragma clang loop unroll(full)
    for (ushort d = 1; d < 32; d *= 2) { const T other = simd_shuffle_up(x, d); x = lane >= d ? (*this)(other, x) : x; }
    return x;
  }
};
template <typename T, typename = void> struct Sum : Operation<Sum<T>, T> { static constexpr constant T identity = T(0); T apply(T a, T b) const { return a + b; } };
template <typename T> struct Sum<T, enable_if_t<is_integral_v<T> && sizeof(T) == 4>> : Operation<Sum<T>, T> {
  static constexpr constant T identity = T(0);
  T apply(T a, T b) const { return a + b; }
  T scan(T x, ushort) const { return simd_prefix_inclusive_sum(x); }  // hides the general one
};
template <typename T> struct Max : Operation<Max<T>, T> { static constexpr constant T identity = numeric_limits<T>::lowest(); T apply(T a, T b) const { return max(a, b); } };
struct Affine { float scale, shift; };
struct Compose : Operation<Compose, float2> { static constexpr constant float2 identity = float2(1, 0); float2 apply(float2 a, float2 b) const { return float2(a.x * b.x, a.y * b.x + b.y); } };

template <typename... Ops> struct Chain;
template <typename Op> struct Chain<Op> { template <typename T> static T apply(T x) { return Op::template of<T>(x); } };
template <typename Op, typename... Rest> struct Chain<Op, Rest...> { template <typename T> static auto apply(T x) { return Chain<Rest...>::apply(Op::template of<T>(x)); } };
struct Square { template <typename T> static T of(T x) { return x * x; } };
struct AddOne { template <typename T> static T of(T x) { return x + T(1); } };
template <int... values> struct Ints { static constexpr constant int count = sizeof...(values), total = (values + ... + 0); };

template <typename T, typename Op, bool inclusive, typename Before = Chain<Square, AddOne>>
kernel void scan_rows(device const T* in [[buffer(0)]], device T* out [[buffer(1)]], constant uint& n [[buffer(2)]], uint row [[threadgroup_position_in_grid]], ushort t [[thread_index_in_threadgroup]],
                      ushort lane [[thread_index_in_simdgroup]], ushort group [[simdgroup_index_in_threadgroup]], ushort threads [[threads_per_threadgroup]]) {
  const Op op;
  threadgroup T totals[32];
  T carry = Op::identity;
  for (uint at = 0; at < n; at += threads) {
    const uint i = at + t;
    T x = Op::identity;
    if (i < n) x = in[row * n + i];
    if constexpr (is_same_v<T, int>) x = i < n ? Before::apply(x) : x;
    T y = op.scan(x, lane);
    if (lane == 31) totals[group] = y;
    threadgroup_barrier(mem_flags::mem_threadgroup);
    if (group == 0) totals[lane] = op.scan(lane < threads / 32 ? T(totals[lane]) : Op::identity, lane);
    threadgroup_barrier(mem_flags::mem_threadgroup);
    T base = carry;
    if (group > 0) base = op(base, totals[group - 1]);
    if constexpr (!inclusive) { const T left = simd_shuffle_up(y, 1); y = lane == 0 ? Op::identity : left; }
    if (i < n) out[row * n + i] = op(base, y);
    carry = op(carry, totals[threads / 32 - 1]);
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }
}
#define instantiate_scan(name, T, op, inclusive) template [[host_name("scan_" #name)]] [[kernel]] decltype(scan_rows<T, op, inclusive>) scan_rows<T, op, inclusive>;
instantiate_scan(inclusive_sum_int, int, Sum<int>, true)
instantiate_scan(exclusive_sum_float, float, Sum<float>, false)
instantiate_scan(inclusive_max_half, half, Max<half>, true)
instantiate_scan(inclusive_compose, float2, Compose, true)

kernel void keep_odd(device const uint* in [[buffer(0)]], device uint* out [[buffer(1)]], device atomic_uint* count [[buffer(2)]], constant uint& n [[buffer(3)]], uint i [[thread_position_in_grid]], ushort lane [[thread_index_in_simdgroup]]) {
  const uint x = i < n ? in[i] : 0;
  const bool keep = x & 1;
  const ulong votes = static_cast<ulong>(simd_ballot(keep));
  uint base;
  if (simd_is_first()) base = atomic_fetch_add_explicit(count, popcount(uint(votes)), memory_order_relaxed);
  base = simd_broadcast_first(base);
  if (keep) out[base + popcount(uint(votes) & ((1u << lane) - 1))] = x;
}

static_assert(Ints<1, 2, 3>::total == 6 && Ints<>::count == 0, "");
