#pragma once
// <metal_array>: array<T, N>, an aggregate.
#pragma clang system_header
#include "scalars.h"

namespace metal {

template <class T, size_t N>
struct array {
  static_assert(N > 0, "an array has at least one element");
  T __e[N];

  template <class A>
  __MSL_MEMBER constexpr auto& operator[](this A& a, size_t i) {
    return a.__e[i];
  }
  __MSL_MEMBER constexpr T operator[](size_t i) const { return __e[i]; }
  __MSL_MEMBER constexpr size_t size() const { return N; }
  __MSL_MEMBER constexpr bool empty() const { return false; }
  template <class A>
  __MSL_MEMBER constexpr auto* data(this A& a) {
    return &a.__e[0];
  }
  template <class A>
  __MSL_MEMBER constexpr auto* begin(this A& a) {
    return &a.__e[0];
  }
  template <class A>
  __MSL_MEMBER constexpr auto* end(this A& a) {
    return &a.__e[0] + N;
  }
};

}  // namespace metal
