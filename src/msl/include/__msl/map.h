#pragma once
// Applies a scalar function to every element of vectors.
#pragma clang system_header
#include "vec.h"

namespace __msl {

template <class A>
__MSL_INLINE constexpr A element_at(const A& scalar, int) {
  return scalar;
}
template <class T, int N>
__MSL_INLINE constexpr T element_at(const metal::vec<T, N>& v, int i) {
  return v.__at(i);
}

template <class F, class... A>
__MSL_INLINE constexpr auto apply_at(int i, const F& f, const A&... a) {
  return f(element_at(a, i)...);
}

template <int... i, class F, class... A>
__MSL_INLINE constexpr auto map(sequence<int, i...>, const F& f, const A&... a) {
  using R = decltype(apply_at(0, f, a...));
  return metal::vec<R, sizeof...(i)>(raw_tag{}, raw_of<R, sizeof...(i)>{element<R>::store(apply_at(i, f, a...))...});
}

// map<N>(f, a, b): vec<R, N> of f(a[i], b[i]); scalars among the arguments go to every call.
template <int N, class F, class... A>
__MSL_INLINE constexpr auto map(const F& f, const A&... a) {
  return map(first<N>{}, f, a...);
}

}  // namespace __msl

// A function expression for map; `x`, `y`, `z` name its arguments.
#define __MSL_EACH_1(...) [](auto x) __attribute__((always_inline, nodebug)) { return __VA_ARGS__; }
#define __MSL_EACH_2(...) [](auto x, auto y) __attribute__((always_inline, nodebug)) { return __VA_ARGS__; }
#define __MSL_EACH_3(...) [](auto x, auto y, auto z) __attribute__((always_inline, nodebug)) { return __VA_ARGS__; }
