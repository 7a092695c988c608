#pragma once
// as_type<U>(x): the same bits as another scalar or vector type.
#pragma clang system_header
#include "vec.h"

namespace __msl {

// What may be reinterpreted, and the Clang type with the same bits, which bit casts evaluate in constant expressions.
template <class T>
inline constexpr bool is_bits = (__is_arithmetic(T) && !__is_same(T, bool)) || __is_same(T, bfloat);
template <class T, int N>
inline constexpr bool is_bits<metal::vec<T, N>> = !__is_same(T, bool);

template <class T>
__MSL_INLINE constexpr T to_raw(const T& x) {
  return x;
}
template <class T, int N>
__MSL_INLINE constexpr auto to_raw(const metal::vec<T, N>& x) {
  if constexpr (N == 3) {
    return __builtin_shufflevector(x.__v, x.__v, 0, 1, 2, 2);
  } else {
    return x.__v;
  }
}

template <class T>
struct from_raw {
  template <class R>
  static __MSL_MEMBER constexpr T cast(R r) {
    return __builtin_bit_cast(T, r);
  }
};
template <class T, int N>
struct from_raw<metal::vec<T, N>> {
  using vec = metal::vec<T, N>;
  template <class R>
  static __MSL_MEMBER constexpr vec cast(R r) {
    if constexpr (N == 3) {
      const auto four = __builtin_bit_cast(raw_of<T, 4>, r);
      return vec(raw_tag{}, __builtin_shufflevector(four, four, 0, 1, 2));
    } else {
      return vec(raw_tag{}, __builtin_bit_cast(raw_of<T, N>, r));
    }
  }
};

}  // namespace __msl

namespace metal {

template <class U, class T>
  requires(__msl::is_bits<U> && __msl::is_bits<T> && sizeof(U) == sizeof(T))
__MSL_INLINE constexpr U as_type(T x) {
  return __msl::from_raw<U>::cast(__msl::to_raw(x));
}

template <class U, class T>
  requires(__msl::is_bits<U> && __msl::is_bits<T> && sizeof(U) != sizeof(T))
U as_type(T) = delete("as_type needs two types of the same size");

}  // namespace metal

using metal::as_type;
