#pragma once
// <metal_simdgroup>: functions over the active lanes of a SIMD-group of 32.
#pragma clang system_header
#include "lanes.h"
#include "traits.h"

namespace metal {

// Whether the functions take values of a type, asked by sources that have a way around them for others.
template <class T>
struct __is_valid_simdgroup_type : bool_constant<__msl::is_lane_value<T>> {};

#define __MSL_REDUCTION(name)                                                   \
  template <__msl::lane_scalar T>                                               \
  __MSL_INLINE T simd_##name(T data) {                                          \
    if constexpr (!__is_integral(T)) {                                          \
      return static_cast<T>(__msl_simd_##name##_f32(static_cast<float>(data))); \
    } else if constexpr (__is_signed(T)) {                                      \
      return static_cast<T>(__msl_simd_##name##_i32(data));                     \
    } else {                                                                    \
      return static_cast<T>(__msl_simd_##name##_u32(data));                     \
    }                                                                           \
  }                                                                             \
  template <__msl::lane_scalar T, int N>                                        \
  __MSL_INLINE vec<T, N> simd_##name(vec<T, N> data) {                          \
    return __msl::map<N>(__MSL_EACH_1(simd_##name(x)), data);                   \
  }
__MSL_REDUCTION(sum)
__MSL_REDUCTION(product)
__MSL_REDUCTION(min)
__MSL_REDUCTION(max)
#undef __MSL_REDUCTION

#define __MSL_BITWISE(name)                                                  \
  template <__msl::lane_integer T>                                           \
  __MSL_INLINE T simd_##name(T data) {                                       \
    return static_cast<T>(__msl_simd_##name##_u32(static_cast<uint>(data))); \
  }                                                                          \
  template <__msl::lane_integer T, int N>                                    \
  __MSL_INLINE vec<T, N> simd_##name(vec<T, N> data) {                       \
    return __msl::map<N>(__MSL_EACH_1(simd_##name(x)), data);                \
  }
__MSL_BITWISE(and)
__MSL_BITWISE(or)
__MSL_BITWISE(xor)
#undef __MSL_BITWISE

// Integers wrap, so that signed ones use the unsigned scan.
#define __MSL_PREFIX(name)                                                             \
  template <__msl::lane_scalar T>                                                      \
  __MSL_INLINE T simd_prefix_##name(T data) {                                          \
    if constexpr (__is_integral(T)) {                                                  \
      return static_cast<T>(__msl_simd_prefix_##name##_u32(static_cast<uint>(data)));  \
    } else {                                                                           \
      return static_cast<T>(__msl_simd_prefix_##name##_f32(static_cast<float>(data))); \
    }                                                                                  \
  }                                                                                    \
  template <__msl::lane_scalar T, int N>                                               \
  __MSL_INLINE vec<T, N> simd_prefix_##name(vec<T, N> data) {                          \
    return __msl::map<N>(__MSL_EACH_1(simd_prefix_##name(x)), data);                   \
  }
__MSL_PREFIX(inclusive_sum)
__MSL_PREFIX(inclusive_product)
__MSL_PREFIX(exclusive_sum)
__MSL_PREFIX(exclusive_product)
#undef __MSL_PREFIX

template <__msl::lane_value T>
__MSL_INLINE T simd_broadcast(T data, ushort lane) {
  return __msl::shuffle(data, lane);
}
template <__msl::lane_value T>
__MSL_INLINE T simd_broadcast_first(T data) {
  return __msl::shuffle(data, __msl::first_active_lane());
}
template <__msl::lane_value T>
__MSL_INLINE T simd_shuffle(T data, ushort lane) {
  return __msl::shuffle(data, lane);
}
template <__msl::lane_value T>
__MSL_INLINE T simd_shuffle_up(T data, ushort delta) {
  return __msl::shuffle_up(data, delta, 32);
}
template <__msl::lane_value T>
__MSL_INLINE T simd_shuffle_down(T data, ushort delta) {
  return __msl::shuffle_down(data, delta, 32);
}
template <__msl::lane_value T>
__MSL_INLINE T simd_shuffle_rotate_up(T data, ushort delta) {
  return __msl::shuffle_rotate(data, -static_cast<uint>(delta), 32);
}
template <__msl::lane_value T>
__MSL_INLINE T simd_shuffle_rotate_down(T data, ushort delta) {
  return __msl::shuffle_rotate(data, delta, 32);
}
template <__msl::lane_value T>
__MSL_INLINE T simd_shuffle_xor(T data, ushort mask) {
  return __msl::shuffle(data, __msl::lane() ^ mask);
}
template <__msl::lane_value T>
__MSL_INLINE T simd_shuffle_and_fill_up(T data, T filling, ushort delta, ushort modulo = 32) {
  return __msl::shuffle_and_fill_up(data, filling, delta, modulo);
}
template <__msl::lane_value T>
__MSL_INLINE T simd_shuffle_and_fill_down(T data, T filling, ushort delta, ushort modulo = 32) {
  return __msl::shuffle_and_fill_down(data, filling, delta, modulo);
}

class simd_vote {
 public:
  using vote_t = ulong;
  __MSL_MEMBER explicit constexpr simd_vote(vote_t v = 0) : bits_(v) {}
  __MSL_MEMBER explicit constexpr operator vote_t() const { return bits_; }
  // Of all 32 lanes, active or not.
  __MSL_MEMBER constexpr bool all() const { return bits_ == 0xffffffffu; }
  __MSL_MEMBER constexpr bool any() const { return bits_ != 0; }

 private:
  vote_t bits_;
};

__MSL_INLINE simd_vote simd_ballot(bool predicate) { return simd_vote(__msl_simd_ballot(predicate)); }
__MSL_INLINE simd_vote simd_active_threads_mask() { return simd_vote(__msl::active_lanes()); }
__MSL_INLINE bool simd_all(bool predicate) { return __msl_simd_ballot(!predicate) == 0; }
__MSL_INLINE bool simd_any(bool predicate) { return __msl_simd_ballot(predicate) != 0; }
__MSL_INLINE bool simd_is_first() { return __msl::lane() == __msl::first_active_lane(); }
__MSL_INLINE bool simd_is_helper_thread() { return false; }

}  // namespace metal
