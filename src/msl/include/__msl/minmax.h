#pragma once
// min, max and what is made of them, for integers and floats.
#pragma clang system_header
#include "overload.h"

namespace metal {

#define __MSL_INTEGER(T)                                           \
  __MSL_INLINE constexpr T min(T x, T y) { return y < x ? y : x; } \
  __MSL_INLINE constexpr T max(T x, T y) { return x < y ? y : x; }
__MSL_INTEGER_TYPES(__MSL_INTEGER)
#undef __MSL_INTEGER

// Of one NaN and a number the number.
#define __MSL_FLOAT(T)                                                        \
  __MSL_INLINE constexpr T min(T x, T y) {                                    \
    if consteval {                                                            \
      return y < x || x != x ? y : x;                                         \
    } else {                                                                  \
      return __builtin_elementwise_min(x, y);                                 \
    }                                                                         \
  }                                                                           \
  __MSL_INLINE constexpr T max(T x, T y) {                                    \
    if consteval {                                                            \
      return x < y || x != x ? y : x;                                         \
    } else {                                                                  \
      return __builtin_elementwise_max(x, y);                                 \
    }                                                                         \
  }                                                                           \
  __MSL_INLINE constexpr T fmin(T x, T y) { return min(x, y); }               \
  __MSL_INLINE constexpr T fmax(T x, T y) { return max(x, y); }               \
  __MSL_INLINE constexpr T fmin3(T x, T y, T z) { return min(x, min(y, z)); } \
  __MSL_INLINE constexpr T fmax3(T x, T y, T z) { return max(x, max(y, z)); } \
  __MSL_INLINE constexpr T fmedian3(T x, T y, T z) { return max(min(x, y), min(max(x, y), z)); }
__MSL_FLOAT_TYPES(__MSL_FLOAT)
#undef __MSL_FLOAT

// Of bfloats one of them, not its float: real sources write `T best = max(a, b)` with any T. Templates, as sources have overloads
// of their own for bfloat in this namespace, which are better.
#define __MSL_BFLOAT_2(f)                                                                        \
  template <class T>                                                                             \
    requires(__is_same(T, bfloat))                                                               \
  __MSL_INLINE constexpr T f(T x, T y) {                                                         \
    return T(f(static_cast<float>(x), static_cast<float>(y)));                                   \
  }                                                                                              \
  template <class T, int N>                                                                      \
    requires(__is_same(T, bfloat))                                                               \
  __MSL_INLINE constexpr vec<T, N> f(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y) { \
    return __msl::map<N>(__MSL_EACH_2(f(x, y)), x, y);                                           \
  }
#define __MSL_BFLOAT_3(f)                                                                      \
  template <class T>                                                                           \
    requires(__is_same(T, bfloat))                                                             \
  __MSL_INLINE constexpr T f(T x, T y, T z) {                                                  \
    return T(f(static_cast<float>(x), static_cast<float>(y), static_cast<float>(z)));          \
  }                                                                                            \
  template <class T, int N>                                                                    \
    requires(__is_same(T, bfloat))                                                             \
  __MSL_INLINE constexpr vec<T, N> f(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y, \
                                     const __msl::converted<vec<T, N>>& z) {                   \
    return __msl::map<N>(__MSL_EACH_3(f(x, y, z)), x, y, z);                                   \
  }

#define __MSL_NUMBER(T)                                                                         \
  __MSL_INLINE constexpr T min3(T x, T y, T z) { return min(x, min(y, z)); }                    \
  __MSL_INLINE constexpr T max3(T x, T y, T z) { return max(x, max(y, z)); }                    \
  __MSL_INLINE constexpr T median3(T x, T y, T z) { return max(min(x, y), min(max(x, y), z)); } \
  __MSL_INLINE constexpr T clamp(T x, T minval, T maxval) { return min(max(x, minval), maxval); }
__MSL_INTEGER_TYPES(__MSL_NUMBER)
__MSL_FLOAT_TYPES(__MSL_NUMBER)
#undef __MSL_NUMBER

__MSL_BFLOAT_2(min) __MSL_BFLOAT_2(max) __MSL_BFLOAT_2(fmin) __MSL_BFLOAT_2(fmax)
__MSL_BFLOAT_3(min3) __MSL_BFLOAT_3(max3) __MSL_BFLOAT_3(median3) __MSL_BFLOAT_3(clamp)
__MSL_BFLOAT_3(fmin3) __MSL_BFLOAT_3(fmax3) __MSL_BFLOAT_3(fmedian3)
#undef __MSL_BFLOAT_2
#undef __MSL_BFLOAT_3

__MSL_VECTOR_2(min, number_element, __MSL_RAW_OR_MAP_2(min, __builtin_elementwise_min(x.__v, y.__v)))
__MSL_VECTOR_2(max, number_element, __MSL_RAW_OR_MAP_2(max, __builtin_elementwise_max(x.__v, y.__v)))
__MSL_VECTOR_3(min3, number_element, return min(x, min(y, z));)
__MSL_VECTOR_3(max3, number_element, return max(x, max(y, z));)
__MSL_VECTOR_3(median3, number_element, return max(min(x, y), min(max(x, y), z));)
__MSL_VECTOR_3(clamp, number_element, return min(max(x, y), z);)
__MSL_VECTOR_2(fmin, float_element, return min(x, y);)
__MSL_VECTOR_2(fmax, float_element, return max(x, y);)
__MSL_VECTOR_3(fmin3, float_element, return min3(x, y, z);)
__MSL_VECTOR_3(fmax3, float_element, return max3(x, y, z);)
__MSL_VECTOR_3(fmedian3, float_element, return median3(x, y, z);)

}  // namespace metal
