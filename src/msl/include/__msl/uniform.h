#pragma once
// <metal_uniform>: a value that is the same in all threads; only a promise, so it behaves like the value.
#pragma clang system_header
#include "config.h"

namespace metal {

template <class T>
struct uniform {
  T __value;
  uniform() = default;
  __MSL_MEMBER explicit constexpr uniform(T value) : __value(value) {}
  __MSL_MEMBER constexpr operator T() const { return __value; }
};

template <class T>
__MSL_INLINE constexpr uniform<T> make_uniform(T x) {
  return uniform<T>(x);
}

}  // namespace metal
