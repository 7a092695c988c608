#pragma once
// The names of multi-letter components: `v.xy`, `v.bgra`, read and write. They live in classes without template
// parameters, so they are parsed once and shared by every element type; the accessors take the vector itself
// ("deducing this") and are instantiated where a swizzle is used.
#pragma clang system_header
#include "config.h"

// A namespace of its own: as a base of vec it is searched for every unqualified call with a vector argument, which must
// not find the library's own helpers.
namespace __msl_components {

// A swizzle may be assigned when no component is named twice and the vector is not const.
template <class V, int... I>
inline constexpr bool assignable = false;
template <class V, int A, int B>
inline constexpr bool assignable<V, A, B> = A != B && !__is_const(V);
template <class V, int A, int B, int C>
inline constexpr bool assignable<V, A, B, C> = A != B && A != C && B != C && !__is_const(V);
template <class V, int A, int B, int C, int D>
inline constexpr bool assignable<V, A, B, C, D> =
    A != B && A != C && A != D && B != C && B != D && C != D && !__is_const(V);

// The declared type of a property is never used: an access has the type the accessor returns, and an assignment, `++v.x` too, that of what
// it returns: the value it has assigned.
#define __MSL_SWIZZLE(xyzw, rgba, M, ...)                                                              \
  template <class V>                                                                                   \
  __MSL_MEMBER constexpr auto __##xyzw(this const V& v) {                                              \
    return v.template __swizzle<__VA_ARGS__>();                                                        \
  }                                                                                                    \
  template <class V>                                                                                   \
    requires(assignable<V, __VA_ARGS__>)                                                               \
  __MSL_MEMBER constexpr auto __put_##xyzw(this V& v, const typename V::template __with_width<M>& o) { \
    v.template __assign<__VA_ARGS__>(o);                                                               \
    return o;                                                                                          \
  }                                                                                                    \
  __declspec(property(get = __##xyzw, put = __put_##xyzw)) int xyzw, rgba;

// Single letters; their properties carry the element type and are declared per element type below.
#define __MSL_LETTER(xyzw, i)                                          \
  template <class V>                                                   \
  __MSL_MEMBER constexpr auto __##xyzw(this const V& v) {              \
    return v.__at(i);                                                  \
  }                                                                    \
  template <class V>                                                   \
    requires(!__is_const(V))                                           \
  __MSL_MEMBER auto __put_##xyzw(this V& v, typename V::__element s) { \
    v.__set(i, s);                                                     \
    return s;                                                          \
  }

#define __MSL_SWIZZLE_2(x0, r0, i0, x1, r1, i1) __MSL_SWIZZLE(x0##x1, r0##r1, 2, i0, i1)
#define __MSL_SWIZZLE_3(x0, r0, i0, x1, r1, i1, x2, r2, i2) __MSL_SWIZZLE(x0##x1##x2, r0##r1##r2, 3, i0, i1, i2)
#define __MSL_SWIZZLE_4(x0, r0, i0, x1, r1, i1, x2, r2, i2, x3, r3, i3) \
  __MSL_SWIZZLE(x0##x1##x2##x3, r0##r1##r2##r3, 4, i0, i1, i2, i3)

// ANYk_n: every word of k letters out of the first n, appended to the letters given. LASTk_n: those of them that use
// the n-th letter, which are the names width n adds to width n - 1. One macro per depth: none expands inside itself.
#define __MSL_ANY1_2(F, ...)            \
  F(__VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  F(__VA_ARGS__ __VA_OPT__(, ) y, g, 1)
#define __MSL_ANY2_2(F, ...)                          \
  __MSL_ANY1_2(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_ANY1_2(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1)
#define __MSL_ANY3_2(F, ...)                          \
  __MSL_ANY2_2(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_ANY2_2(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1)
#define __MSL_ANY4_2(F, ...)                          \
  __MSL_ANY3_2(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_ANY3_2(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1)
#define __MSL_ANY1_3(F, ...)            \
  F(__VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  F(__VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  F(__VA_ARGS__ __VA_OPT__(, ) z, b, 2)
#define __MSL_ANY2_3(F, ...)                          \
  __MSL_ANY1_3(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_ANY1_3(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  __MSL_ANY1_3(F, __VA_ARGS__ __VA_OPT__(, ) z, b, 2)
#define __MSL_ANY3_3(F, ...)                          \
  __MSL_ANY2_3(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_ANY2_3(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  __MSL_ANY2_3(F, __VA_ARGS__ __VA_OPT__(, ) z, b, 2)
#define __MSL_ANY1_4(F, ...)            \
  F(__VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  F(__VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  F(__VA_ARGS__ __VA_OPT__(, ) z, b, 2) \
  F(__VA_ARGS__ __VA_OPT__(, ) w, a, 3)
#define __MSL_ANY2_4(F, ...)                          \
  __MSL_ANY1_4(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_ANY1_4(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  __MSL_ANY1_4(F, __VA_ARGS__ __VA_OPT__(, ) z, b, 2) \
  __MSL_ANY1_4(F, __VA_ARGS__ __VA_OPT__(, ) w, a, 3)
#define __MSL_ANY3_4(F, ...)                          \
  __MSL_ANY2_4(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_ANY2_4(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  __MSL_ANY2_4(F, __VA_ARGS__ __VA_OPT__(, ) z, b, 2) \
  __MSL_ANY2_4(F, __VA_ARGS__ __VA_OPT__(, ) w, a, 3)
#define __MSL_LAST1_3(F, ...) F(__VA_ARGS__ __VA_OPT__(, ) z, b, 2)
#define __MSL_LAST2_3(F, ...)                          \
  __MSL_LAST1_3(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_LAST1_3(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  __MSL_ANY1_3(F, __VA_ARGS__ __VA_OPT__(, ) z, b, 2)
#define __MSL_LAST3_3(F, ...)                          \
  __MSL_LAST2_3(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_LAST2_3(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  __MSL_ANY2_3(F, __VA_ARGS__ __VA_OPT__(, ) z, b, 2)
#define __MSL_LAST4_3(F, ...)                          \
  __MSL_LAST3_3(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_LAST3_3(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  __MSL_ANY3_3(F, __VA_ARGS__ __VA_OPT__(, ) z, b, 2)
#define __MSL_LAST1_4(F, ...) F(__VA_ARGS__ __VA_OPT__(, ) w, a, 3)
#define __MSL_LAST2_4(F, ...)                          \
  __MSL_LAST1_4(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_LAST1_4(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  __MSL_LAST1_4(F, __VA_ARGS__ __VA_OPT__(, ) z, b, 2) \
  __MSL_ANY1_4(F, __VA_ARGS__ __VA_OPT__(, ) w, a, 3)
#define __MSL_LAST3_4(F, ...)                          \
  __MSL_LAST2_4(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_LAST2_4(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  __MSL_LAST2_4(F, __VA_ARGS__ __VA_OPT__(, ) z, b, 2) \
  __MSL_ANY2_4(F, __VA_ARGS__ __VA_OPT__(, ) w, a, 3)
#define __MSL_LAST4_4(F, ...)                          \
  __MSL_LAST3_4(F, __VA_ARGS__ __VA_OPT__(, ) x, r, 0) \
  __MSL_LAST3_4(F, __VA_ARGS__ __VA_OPT__(, ) y, g, 1) \
  __MSL_LAST3_4(F, __VA_ARGS__ __VA_OPT__(, ) z, b, 2) \
  __MSL_ANY3_4(F, __VA_ARGS__ __VA_OPT__(, ) w, a, 3)

template <int N>
struct swizzles {};
template <>
struct swizzles<2> {
  __MSL_LETTER(x, 0)
  __MSL_LETTER(y, 1)
  __MSL_ANY2_2(__MSL_SWIZZLE_2)
  __MSL_ANY3_2(__MSL_SWIZZLE_3)
  __MSL_ANY4_2(__MSL_SWIZZLE_4)
};
template <>
struct swizzles<3> : swizzles<2> {
  __MSL_LETTER(z, 2)
  __MSL_LAST2_3(__MSL_SWIZZLE_2)
  __MSL_LAST3_3(__MSL_SWIZZLE_3)
  __MSL_LAST4_3(__MSL_SWIZZLE_4)
};
template <>
struct swizzles<4> : swizzles<3> {
  __MSL_LETTER(w, 3)
  __MSL_LAST2_4(__MSL_SWIZZLE_2)
  __MSL_LAST3_4(__MSL_SWIZZLE_3)
  __MSL_LAST4_4(__MSL_SWIZZLE_4)
};

#undef __MSL_SWIZZLE
#undef __MSL_LETTER
#undef __MSL_SWIZZLE_2
#undef __MSL_SWIZZLE_3
#undef __MSL_SWIZZLE_4
#undef __MSL_ANY1_2
#undef __MSL_ANY2_2
#undef __MSL_ANY3_2
#undef __MSL_ANY4_2
#undef __MSL_ANY1_3
#undef __MSL_ANY2_3
#undef __MSL_ANY3_3
#undef __MSL_ANY1_4
#undef __MSL_ANY2_4
#undef __MSL_ANY3_4
#undef __MSL_LAST1_3
#undef __MSL_LAST2_3
#undef __MSL_LAST3_3
#undef __MSL_LAST4_3
#undef __MSL_LAST1_4
#undef __MSL_LAST2_4
#undef __MSL_LAST3_4
#undef __MSL_LAST4_4

template <class T, int N>
struct components : swizzles<N> {};
#define __MSL_PROPERTY(xyzw, rgba) __declspec(property(get = __##xyzw, put = __put_##xyzw)) T xyzw, rgba;
template <class T>
struct components<T, 2> : swizzles<2> {
  __MSL_PROPERTY(x, r)
  __MSL_PROPERTY(y, g)
};
template <class T>
struct components<T, 3> : swizzles<3> {
  __MSL_PROPERTY(x, r)
  __MSL_PROPERTY(y, g)
  __MSL_PROPERTY(z, b)
};
template <class T>
struct components<T, 4> : swizzles<4> {
  __MSL_PROPERTY(x, r)
  __MSL_PROPERTY(y, g)
  __MSL_PROPERTY(z, b)
  __MSL_PROPERTY(w, a)
};
#undef __MSL_PROPERTY

}  // namespace __msl_components
