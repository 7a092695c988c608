#pragma once
// <metal_geometric>: on half and float vectors; half sums in half.
#pragma clang system_header
#include "common.h"
#include "math.h"

namespace metal {

template <__msl::float_element T, int N>
__MSL_INLINE constexpr T dot(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y) {
  const vec<T, N> product = x * y;
  T sum = product.__at(0);
  for (int i = 1; i < N; ++i) sum = sum + product.__at(i);
  return sum;
}
template <__msl::float_element T>
__MSL_INLINE constexpr vec<T, 3> cross(const vec<T, 3>& x, const __msl::converted<vec<T, 3>>& y) {
  return x.yzx * y.zxy - x.zxy * y.yzx;
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr T length_squared(const vec<T, N>& x) {
  return dot(x, x);
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr T distance_squared(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y) {
  return length_squared(x - y);
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr T length(const vec<T, N>& x) {
  return sqrt(dot(x, x));
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr T distance(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y) {
  return length(x - y);
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr vec<T, N> normalize(const vec<T, N>& x) {
  return x * rsqrt(dot(x, x));
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr vec<T, N> faceforward(const vec<T, N>& n, const __msl::converted<vec<T, N>>& i,
                                             const __msl::converted<vec<T, N>>& nref) {
  return dot(nref, i) < 0 ? n : -n;
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr vec<T, N> reflect(const vec<T, N>& i, const __msl::converted<vec<T, N>>& n) {
  const vec<T, N> unit = normalize(n);
  return i - 2 * dot(unit, i) * unit;
}
template <__msl::float_element T, int N>
__MSL_INLINE constexpr vec<T, N> refract(const vec<T, N>& i, const __msl::converted<vec<T, N>>& n,
                                         __msl::converted<T> eta) {
  const T cosine = dot(n, i);
  const T k = 1 - eta * eta * (1 - cosine * cosine);
  return k < 0 ? vec<T, N>(0) : eta * i - (eta * cosine + sqrt(max(k, static_cast<T>(0)))) * n;
}

}  // namespace metal
