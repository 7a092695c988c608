#pragma once
// <metal_quadgroup>: the SIMD-group functions over the quads of lanes 4q..4q+3.
#pragma clang system_header
#include "simdgroup.h"

namespace __msl {

__MSL_INLINE uint quad_base() { return lane() & ~3u; }
// Bit i: lane i of this quad is active.
__MSL_INLINE uint active_in_quad() { return static_cast<uint>(active_lanes() >> quad_base()) & 0xfu; }
__MSL_INLINE uint first_active_in_quad() { return quad_base() + static_cast<uint>(__builtin_ctz(active_in_quad())); }

// Combines the values of those active lanes of the quad that `counted` has a bit for, in lane order. Every active lane
// makes the same four exchanges.
template <class T, class F>
__MSL_INLINE T quad_fold(T value, uint counted, T start, F f) {
  T result = start;
  bool empty = true;
  for (uint i = 0; i < 4; ++i) {
    const T other = shuffle(value, quad_base() + i);
    if ((counted >> i & 1u) != 0) {
      result = empty ? other : f(result, other);
      empty = false;
    }
  }
  return result;
}

}  // namespace __msl

namespace metal {

#define __MSL_FOLD(name, E, ...)                                                                                  \
  template <__msl::E T>                                                                                           \
  __MSL_INLINE T quad_##name(T data) {                                                                            \
    return __msl::quad_fold(data, __msl::active_in_quad(), data,                                                  \
                            [](T x, T y) __attribute__((always_inline)) { return static_cast<T>(__VA_ARGS__); }); \
  }                                                                                                               \
  template <__msl::E T, int N>                                                                                    \
  __MSL_INLINE vec<T, N> quad_##name(vec<T, N> data) {                                                            \
    return __msl::map<N>(__MSL_EACH_1(quad_##name(x)), data);                                                     \
  }
__MSL_FOLD(sum, lane_scalar, x + y)
__MSL_FOLD(product, lane_scalar, x* y)
__MSL_FOLD(min, lane_scalar, y < x ? y : x)
__MSL_FOLD(max, lane_scalar, x < y ? y : x)
__MSL_FOLD(and, lane_integer, x& y)
__MSL_FOLD(or, lane_integer, x | y)
__MSL_FOLD(xor, lane_integer, x ^ y)
#undef __MSL_FOLD

// Scans count the active lanes below this one, and itself where inclusive.
#define __MSL_SCAN(name, lanes_counted, start, op)                                                           \
  template <__msl::lane_scalar T>                                                                            \
  __MSL_INLINE T quad_prefix_##name(T data) {                                                                \
    const uint counted = __msl::active_in_quad() & ((lanes_counted << (__msl::lane() & 3u)) - 1u);           \
    return __msl::quad_fold(data, counted, static_cast<T>(start),                                            \
                            [](T x, T y) __attribute__((always_inline)) { return static_cast<T>(x op y); }); \
  }                                                                                                          \
  template <__msl::lane_scalar T, int N>                                                                     \
  __MSL_INLINE vec<T, N> quad_prefix_##name(vec<T, N> data) {                                                \
    return __msl::map<N>(__MSL_EACH_1(quad_prefix_##name(x)), data);                                         \
  }
__MSL_SCAN(inclusive_sum, 2u, 0, +)
__MSL_SCAN(inclusive_product, 2u, 1, *)
__MSL_SCAN(exclusive_sum, 1u, 0, +)
__MSL_SCAN(exclusive_product, 1u, 1, *)
#undef __MSL_SCAN

template <__msl::lane_value T>
__MSL_INLINE T quad_broadcast(T data, ushort lane) {
  return __msl::shuffle(data, __msl::quad_base() + (lane & 3u));
}
template <__msl::lane_value T>
__MSL_INLINE T quad_broadcast_first(T data) {
  return __msl::shuffle(data, __msl::first_active_in_quad());
}
template <__msl::lane_value T>
__MSL_INLINE T quad_shuffle(T data, ushort lane) {
  return __msl::shuffle(data, __msl::quad_base() + (lane & 3u));
}
template <__msl::lane_value T>
__MSL_INLINE T quad_shuffle_up(T data, ushort delta) {
  return __msl::shuffle_up(data, delta, 4);
}
template <__msl::lane_value T>
__MSL_INLINE T quad_shuffle_down(T data, ushort delta) {
  return __msl::shuffle_down(data, delta, 4);
}
template <__msl::lane_value T>
__MSL_INLINE T quad_shuffle_rotate_up(T data, ushort delta) {
  return __msl::shuffle_rotate(data, -static_cast<uint>(delta), 4);
}
template <__msl::lane_value T>
__MSL_INLINE T quad_shuffle_rotate_down(T data, ushort delta) {
  return __msl::shuffle_rotate(data, delta, 4);
}
template <__msl::lane_value T>
__MSL_INLINE T quad_shuffle_xor(T data, ushort mask) {
  return __msl::shuffle(data, __msl::lane() ^ (mask & 3u));
}
template <__msl::lane_value T>
__MSL_INLINE T quad_shuffle_and_fill_up(T data, T filling, ushort delta, ushort modulo = 4) {
  return __msl::shuffle_and_fill_up(data, filling, delta, modulo);
}
template <__msl::lane_value T>
__MSL_INLINE T quad_shuffle_and_fill_down(T data, T filling, ushort delta, ushort modulo = 4) {
  return __msl::shuffle_and_fill_down(data, filling, delta, modulo);
}

class quad_vote {
 public:
  using vote_t = uint;
  __MSL_MEMBER explicit constexpr quad_vote(vote_t v = 0) : bits_(v) {}
  __MSL_MEMBER explicit constexpr operator vote_t() const { return bits_; }
  // Of all four lanes, active or not.
  __MSL_MEMBER constexpr bool all() const { return bits_ == 0xfu; }
  __MSL_MEMBER constexpr bool any() const { return bits_ != 0; }

 private:
  vote_t bits_;
};

__MSL_INLINE quad_vote quad_ballot(bool predicate) {
  return quad_vote(static_cast<uint>(__msl_simd_ballot(predicate) >> __msl::quad_base()) & 0xfu);
}
__MSL_INLINE quad_vote quad_active_threads_mask() { return quad_vote(__msl::active_in_quad()); }
__MSL_INLINE bool quad_all(bool predicate) { return !quad_ballot(!predicate).any(); }
__MSL_INLINE bool quad_any(bool predicate) { return quad_ballot(predicate).any(); }
__MSL_INLINE bool quad_is_first() { return __msl::lane() == __msl::first_active_in_quad(); }

}  // namespace metal
