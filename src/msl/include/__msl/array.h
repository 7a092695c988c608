#pragma once
// <metal_array>: array<T, N>, an aggregate.
#pragma clang system_header
#include "scalars.h"

namespace metal {

template <class T, size_t N>
struct array {
  static_assert(N > 0, "an array has at least one element");
  T __e[N];

  __MSL_MEMBER constexpr T& operator[](size_t i) { return __e[i]; }
  __MSL_MEMBER constexpr const T& operator[](size_t i) const { return __e[i]; }
  __MSL_MEMBER constexpr size_t size() const { return N; }
  __MSL_MEMBER constexpr bool empty() const { return false; }
  __MSL_MEMBER constexpr T* data() { return __e; }
  __MSL_MEMBER constexpr const T* data() const { return __e; }
  __MSL_MEMBER constexpr T* begin() { return __e; }
  __MSL_MEMBER constexpr const T* begin() const { return __e; }
  __MSL_MEMBER constexpr T* end() { return __e + N; }
  __MSL_MEMBER constexpr const T* end() const { return __e + N; }
};

}  // namespace metal
