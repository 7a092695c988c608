#pragma once
// <metal_relational>: tests on floats that answer truthfully in every math mode, all, any, select.
#pragma clang system_header
#include "overload.h"

namespace __msl {

template <class T>
concept tested = float_element<T> || __is_same(T, bfloat);

// Exponent and mantissa masks of the type's bits; comparisons of bits cannot be folded by fast-math flags.
template <class T>
struct float_bits {
  using bits = ushort;
  static constexpr bits sign = 0x8000, infinity = __is_same(T, half) ? 0x7c00 : 0x7f80,
                        smallest = __is_same(T, half) ? 0x0400 : 0x0080;
};
template <>
struct float_bits<float> {
  using bits = uint;
  static constexpr bits sign = 0x80000000u, infinity = 0x7f800000u, smallest = 0x00800000u;
};

template <tested T>
__MSL_INLINE constexpr auto magnitude_bits(T x) {
  using F = float_bits<T>;
  return static_cast<typename F::bits>(__builtin_bit_cast(typename F::bits, x) &
                                       static_cast<typename F::bits>(~F::sign));
}
template <tested T, int N>
__MSL_INLINE constexpr auto magnitude_bits(const metal::vec<T, N>& x) {
  using F = float_bits<T>;
  const auto bits = __builtin_bit_cast(ext<typename F::bits, N>, x.__v);
  return bits & static_cast<typename F::bits>(~F::sign);
}
template <int N, class M>
__MSL_INLINE constexpr metal::vec<bool, N> to_bool(M mask) {
  return metal::vec<bool, N>(raw_tag{}, narrow<bool, N>(mask));
}

}  // namespace __msl

namespace metal {

#define __MSL_TEST(f, ...)                                    \
  template <__msl::tested T>                                  \
  __MSL_INLINE constexpr bool f(T x) {                        \
    using F = __msl::float_bits<T>;                           \
    const auto bits = __msl::magnitude_bits(x);               \
    return __VA_ARGS__;                                       \
  }                                                           \
  template <__msl::tested T, int N>                           \
  __MSL_INLINE constexpr vec<bool, N> f(const vec<T, N>& x) { \
    using F = __msl::float_bits<T>;                           \
    const auto bits = __msl::magnitude_bits(x);               \
    return __msl::to_bool<N>(__VA_ARGS__);                    \
  }
__MSL_TEST(isfinite, bits < F::infinity)
__MSL_TEST(isinf, bits == F::infinity)
__MSL_TEST(isnan, bits > F::infinity)
__MSL_TEST(isnormal, (bits >= F::smallest) & (bits < F::infinity))
#undef __MSL_TEST

template <__msl::tested T>
__MSL_INLINE constexpr bool signbit(T x) {
  return (__builtin_bit_cast(typename __msl::float_bits<T>::bits, x) & __msl::float_bits<T>::sign) != 0;
}
template <__msl::tested T, int N>
__MSL_INLINE constexpr vec<bool, N> signbit(const vec<T, N>& x) {
  using F = __msl::float_bits<T>;
  return __msl::to_bool<N>(__builtin_bit_cast(__msl::ext<typename F::bits, N>, x.__v) & F::sign);
}

template <__msl::tested T>
__MSL_INLINE constexpr bool isunordered(T x, T y) {
  return isnan(x) || isnan(y);
}
template <__msl::tested T, int N>
__MSL_INLINE constexpr vec<bool, N> isunordered(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y) {
  return isnan(x) | isnan(y);
}
template <__msl::tested T>
__MSL_INLINE constexpr bool isordered(T x, T y) {
  return !isunordered(x, y);
}
template <__msl::tested T, int N>
__MSL_INLINE constexpr vec<bool, N> isordered(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y) {
  return !isunordered(x, y);
}

#define __MSL_REDUCTION(f, op, start, builtin)                  \
  template <int N>                                              \
  __MSL_INLINE constexpr bool f(const vec<bool, N>& x) {        \
    if consteval {                                              \
      bool result = start;                                      \
      for (int i = 0; i < N; ++i) result = result op x.__at(i); \
      return result;                                            \
    } else {                                                    \
      return builtin(x.__v) != 0;                               \
    }                                                           \
  }
__MSL_REDUCTION(all, &&, true, __builtin_reduce_and)
__MSL_REDUCTION(any, ||, false, __builtin_reduce_or)
#undef __MSL_REDUCTION
__MSL_INLINE constexpr bool all(bool x) { return x; }
__MSL_INLINE constexpr bool any(bool x) { return x; }

// select(a, b, c): c ? b : a.
#define __MSL_SELECT(T) \
  __MSL_INLINE constexpr T select(T a, T b, bool c) { return c ? b : a; }
__MSL_INTEGER_TYPES(__MSL_SELECT)
__MSL_FLOAT_TYPES(__MSL_SELECT)
__MSL_SELECT(bool)
#undef __MSL_SELECT
template <class T>
  requires(__is_same(T, bfloat))
__MSL_INLINE constexpr T select(T a, T b, bool c) {
  return c ? b : a;
}
template <class T, int N>
__MSL_INLINE constexpr vec<T, N> select(const vec<T, N>& a, const __msl::converted<vec<T, N>>& b,
                                        const vec<bool, N>& c) {
  return __msl::map<N>([](T x, T y, bool z) __attribute__((always_inline)) { return z ? y : x; }, a, b, c);
}
template <__msl::scalar S, class T, int N>
__MSL_INLINE constexpr vec<T, N> select(S a, const vec<T, N>& b, const vec<bool, N>& c) {
  return select(vec<T, N>(a), b, c);
}

}  // namespace metal
