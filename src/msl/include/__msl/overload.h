#pragma once
// How the overload sets of the library are made: for scalars one plain function per type, so that a call with mixed
// types is ambiguous and user overloads on other types never clash; for vectors templates, where one vector argument
// decides and scalars beside it are widened.
#pragma clang system_header
#include "map.h"

namespace __msl {

template <class T>
struct same_as_written {
  using type = T;
};
// A parameter that takes no part in deduction: anything that converts to T.
template <class T>
using converted = typename same_as_written<T>::type;

template <class T>
concept float_element = __is_same(T, float) || __is_same(T, half);
template <class T>
concept integer_element = __is_integral(T) && !__is_same(T, bool);
template <class T>
concept number_element = float_element<T> || integer_element<T>;
template <class T>
concept scalar = __is_arithmetic(T) || __is_same(T, bfloat);

}  // namespace __msl

#define __MSL_FLOAT_TYPES(M) M(half) M(float)
#define __MSL_INTEGER_TYPES(M) M(char) M(uchar) M(short) M(ushort) M(int) M(uint) M(long) M(ulong)

// Vector forms of f for elements E; the body sees vectors of one type.
#define __MSL_VECTOR_1(f, E, ...)                          \
  template <__msl::E T, int N>                             \
  __MSL_INLINE constexpr vec<T, N> f(const vec<T, N>& x) { \
    __VA_ARGS__                                            \
  }
#define __MSL_VECTOR_2(f, E, ...)                                                                \
  template <__msl::E T, int N>                                                                   \
  __MSL_INLINE constexpr vec<T, N> f(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y) { \
    __VA_ARGS__                                                                                  \
  }                                                                                              \
  template <__msl::scalar S, __msl::E T, int N>                                                  \
  __MSL_INLINE constexpr vec<T, N> f(S x, const vec<T, N>& y) {                                  \
    return f(vec<T, N>(x), y);                                                                   \
  }
#define __MSL_VECTOR_3(f, E, ...)                                                                     \
  template <__msl::E T, int N>                                                                        \
  __MSL_INLINE constexpr vec<T, N> f(const vec<T, N>& x, const __msl::converted<vec<T, N>>& y,        \
                                     const __msl::converted<vec<T, N>>& z) {                          \
    __VA_ARGS__                                                                                       \
  }                                                                                                   \
  template <__msl::scalar S, __msl::E T, int N>                                                       \
  __MSL_INLINE constexpr vec<T, N> f(S x, const vec<T, N>& y, const __msl::converted<vec<T, N>>& z) { \
    return f(vec<T, N>(x), y, z);                                                                     \
  }                                                                                                   \
  template <__msl::scalar S, __msl::scalar R, __msl::E T, int N>                                      \
  __MSL_INLINE constexpr vec<T, N> f(S x, R y, const vec<T, N>& z) {                                  \
    return f(vec<T, N>(x), vec<T, N>(y), z);                                                          \
  }

// A vector from an expression on Clang vectors at run time, element by element in constant expressions.
#define __MSL_RAW_OR_MAP_1(f, ...)                   \
  if consteval {                                     \
    return __msl::map<N>(__MSL_EACH_1(f(x)), x);     \
  } else {                                           \
    return vec<T, N>(__msl::raw_tag{}, __VA_ARGS__); \
  }
#define __MSL_RAW_OR_MAP_2(f, ...)                     \
  if consteval {                                       \
    return __msl::map<N>(__MSL_EACH_2(f(x, y)), x, y); \
  } else {                                             \
    return vec<T, N>(__msl::raw_tag{}, __VA_ARGS__);   \
  }
#define __MSL_RAW_OR_MAP_3(f, ...)                           \
  if consteval {                                             \
    return __msl::map<N>(__MSL_EACH_3(f(x, y, z)), x, y, z); \
  } else {                                                   \
    return vec<T, N>(__msl::raw_tag{}, __VA_ARGS__);         \
  }
