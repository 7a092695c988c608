#pragma once
// <metal_uniform>: a value that is the same in all threads; only a promise, so it behaves like the value. What operators make of two
// uniform values is uniform, what they make of one and another value is not.
#pragma clang system_header
#include "config.h"
#include "operator_lists.h"

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

#define __MSL_BINARY(op)                                                                        \
  template <class T, class U>                                                                   \
  __MSL_INLINE constexpr auto operator op(uniform<T> x, uniform<U> y) {                         \
    return uniform<decltype(x.__value op y.__value)>(x.__value op y.__value);                   \
  }
__MSL_COMPUTING_OPERATORS(__MSL_BINARY)
__MSL_COMPARING_OPERATORS(__MSL_BINARY)
#undef __MSL_BINARY

#define __MSL_UNARY(op)                                  \
  template <class T>                                     \
  __MSL_INLINE constexpr auto operator op(uniform<T> x) { \
    return uniform<decltype(op x.__value)>(op x.__value); \
  }
__MSL_SIGN_OPERATORS(__MSL_UNARY)
#undef __MSL_UNARY

}  // namespace metal
