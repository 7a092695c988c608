#pragma once
// <metal_common>: mixing and steps on half and float (clamp is in minmax.h).
#pragma clang system_header
#include "minmax.h"

namespace metal {

#define __MSL_FLOAT(T)                                                                              \
  __MSL_INLINE constexpr T saturate(T x) { return clamp(x, static_cast<T>(0), static_cast<T>(1)); } \
  __MSL_INLINE constexpr T mix(T x, T y, T a) { return x + (y - x) * a; }                           \
  __MSL_INLINE constexpr T sign(T x) {                                                              \
    return x > 0 ? static_cast<T>(1) : x < 0 ? static_cast<T>(-1) : x == x ? x : static_cast<T>(0); \
  }                                                                                                 \
  __MSL_INLINE constexpr T step(T edge, T x) { return static_cast<T>(x < edge ? 0 : 1); }           \
  __MSL_INLINE constexpr T smoothstep(T edge0, T edge1, T x) {                                      \
    const T t = saturate((x - edge0) / (edge1 - edge0));                                            \
    return t * t * (3 - 2 * t);                                                                     \
  }
__MSL_FLOAT_TYPES(__MSL_FLOAT)
#undef __MSL_FLOAT

__MSL_VECTOR_1(saturate, float_element, return clamp(x, static_cast<T>(0), static_cast<T>(1));)
__MSL_VECTOR_1(sign, float_element, return __msl::map<N>(__MSL_EACH_1(sign(x)), x);)
__MSL_VECTOR_2(step, float_element, return __msl::map<N>(__MSL_EACH_2(step(x, y)), x, y);)
__MSL_VECTOR_3(mix, float_element, return x + (y - x) * z;)
__MSL_VECTOR_3(smoothstep, float_element, const vec<T, N> t = saturate((z - x) / (y - x)); return t * t * (3 - 2 * t);)

}  // namespace metal
