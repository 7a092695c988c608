#pragma once
// Functions of half and float that have one right answer, the same in every math mode: rounding, square root, signs,
// fma, parts.
#pragma clang system_header
#include "math_exact.h"
#include "minmax.h"

namespace metal {

// One LLVM intrinsic each, on scalars and on whole vectors.
#define __MSL_INTRINSIC_OF(T, f, builtin, in_constants)    \
  __MSL_INLINE constexpr T f(T x) {                        \
    if consteval {                                         \
      return static_cast<T>(__msl::math::in_constants(x)); \
    } else {                                               \
      return builtin(x);                                   \
    }                                                      \
  }
#define __MSL_INTRINSIC_1(f, builtin, in_constants)        \
  __MSL_INTRINSIC_OF(half, f, builtin, in_constants)       \
  __MSL_INTRINSIC_OF(float, f, builtin, in_constants)      \
  template <__msl::float_element T, int N>                 \
  __MSL_INLINE constexpr vec<T, N> f(const vec<T, N>& x) { \
    __MSL_RAW_OR_MAP_1(f, builtin(x.__v))                  \
  }
__MSL_INTRINSIC_1(floor, __builtin_elementwise_floor, constant_floor)
__MSL_INTRINSIC_1(ceil, __builtin_elementwise_ceil, constant_ceil)
__MSL_INTRINSIC_1(trunc, __builtin_elementwise_trunc, constant_whole)
__MSL_INTRINSIC_1(round, __builtin_elementwise_round, constant_round)
__MSL_INTRINSIC_1(rint, __builtin_elementwise_rint, constant_rint)
__MSL_INTRINSIC_1(sqrt, __builtin_elementwise_sqrt, constant_root)
#undef __MSL_INTRINSIC_1
#undef __MSL_INTRINSIC_OF

#define __MSL_FLOAT(T)                                                                                     \
  __MSL_INLINE constexpr T fabs(T x) {                                                                     \
    if consteval {                                                                                         \
      return x < 0 ? -x : x + 0;                                                                           \
    } else {                                                                                               \
      return __builtin_elementwise_abs(x);                                                                 \
    }                                                                                                      \
  }                                                                                                        \
  __MSL_INLINE constexpr T abs(T x) { return fabs(x); }                                                    \
  __MSL_INLINE constexpr T fma(T x, T y, T z) { return static_cast<T>(__msl::math::fma(x, y, z)); }        \
  __MSL_INLINE constexpr T copysign(T x, T y) {                                                            \
    if consteval {                                                                                         \
      return static_cast<T>(__builtin_copysignf(x, y));                                                    \
    } else {                                                                                               \
      return __builtin_elementwise_copysign(x, y);                                                         \
    }                                                                                                      \
  }                                                                                                        \
  __MSL_INLINE constexpr T fract(T x) {                                                                    \
    constexpr T below_one = sizeof(T) == 2 ? static_cast<T>(0x1.ffcp-1f) : static_cast<T>(0x1.fffffep-1f); \
    const T part = x - floor(x);                                                                           \
    return part > below_one ? below_one : part;                                                            \
  }                                                                                                        \
  __MSL_INLINE constexpr T fdim(T x, T y) { return static_cast<T>(__msl::math::fdim(x, y)); }              \
  __MSL_INLINE constexpr T ldexp(T x, int k) { return static_cast<T>(__msl::math::ldexp(x, k)); }          \
  __MSL_INLINE constexpr int ilogb(T x) { return __msl::math::ilogb(x); }                                  \
  __MSL_INLINE constexpr T modf(T x, T& whole) {                                                           \
    float w = 0;                                                                                           \
    const T part = static_cast<T>(__msl::math::modf(x, w));                                                \
    whole = static_cast<T>(w);                                                                             \
    return part;                                                                                           \
  }                                                                                                        \
  __MSL_INLINE constexpr T frexp(T x, int& exponent) { return static_cast<T>(__msl::math::frexp(x, exponent)); }
__MSL_FLOAT_TYPES(__MSL_FLOAT)
#undef __MSL_FLOAT

__MSL_INLINE constexpr float nextafter(float x, float y) { return __msl::math::nextafter(x, y); }
__MSL_INLINE constexpr half nextafter(half x, half y) {
  const ushort bits = __builtin_bit_cast(ushort, x);
  const ushort sign_of_y = static_cast<ushort>(__builtin_bit_cast(ushort, y) & 0x8000u);
  const bool outward = (x < y) == ((bits & 0x8000u) == 0u);
  const ushort moved =
      x == 0 ? static_cast<ushort>(sign_of_y | 1u) : static_cast<ushort>(outward ? bits + 1u : bits - 1u);
  if (x != x || y != y) return x + y;
  return x == y ? y : __builtin_bit_cast(half, moved);
}

__MSL_VECTOR_1(fabs, float_element, __MSL_RAW_OR_MAP_1(fabs, __builtin_elementwise_abs(x.__v)))
__MSL_VECTOR_1(abs, float_element, return fabs(x);)
__MSL_VECTOR_1(fract, float_element, return __msl::map<N>(__MSL_EACH_1(fract(x)), x);)
__MSL_VECTOR_2(copysign, float_element, __MSL_RAW_OR_MAP_2(copysign, __builtin_elementwise_copysign(x.__v, y.__v)))
__MSL_VECTOR_2(fdim, float_element, return __msl::map<N>(__MSL_EACH_2(fdim(x, y)), x, y);)
__MSL_VECTOR_2(nextafter, float_element, return __msl::map<N>(__MSL_EACH_2(nextafter(x, y)), x, y);)
// By component: as a whole the builtin takes fast-math flags, with which LLVM splits it in two roundings on half.
__MSL_VECTOR_3(fma, float_element, return __msl::map<N>(__MSL_EACH_3(fma(x, y, z)), x, y, z);)

template <__msl::float_element T, int N>
__MSL_INLINE constexpr vec<T, N> ldexp(const vec<T, N>& x, const __msl::converted<vec<int, N>>& k) {
  return __msl::map<N>(__MSL_EACH_2(ldexp(x, y)), x, k);
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr vec<int, N> ilogb(const vec<T, N>& x) {
  return __msl::map<N>(__MSL_EACH_1(ilogb(x)), x);
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr vec<T, N> modf(const vec<T, N>& x, vec<T, N>& whole) {
  vec<T, N> part;
  for (int i = 0; i < N; ++i) part[i] = modf(x.__at(i), whole[i]);
  return part;
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr vec<T, N> frexp(const vec<T, N>& x, vec<int, N>& exponent) {
  vec<T, N> fraction;
  for (int i = 0; i < N; ++i) fraction[i] = frexp(x.__at(i), exponent[i]);
  return fraction;
}

}  // namespace metal
