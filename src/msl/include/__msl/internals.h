#pragma once
// The `__metal_*` functions that sources call from their own overloads: those of MSL on float, the math mode as the
// last argument where there are two versions.
#pragma clang system_header
#include "modes.h"
#include "simdgroup.h"

#define __METAL_FAST_MATH__ 0
#define __METAL_PRECISE_MATH__ 1
#define __METAL_MAYBE_FAST_MATH__ 2
#define __METAL_MEMORY_SCOPE_SYSTEM__ 3

#define __MSL_MODAL(f, parameters, ...)                                    \
  __MSL_INLINE float __metal_##f(__MSL_UNPACK parameters, int mode) {      \
    return mode == __METAL_PRECISE_MATH__ ? metal::precise::f(__VA_ARGS__) \
           : mode == __METAL_FAST_MATH__  ? metal::fast::f(__VA_ARGS__)    \
                                          : metal::f(__VA_ARGS__);          \
  }
#define __MSL_UNPACK(...) __VA_ARGS__
#define __MSL_UNARY(f) __MSL_MODAL(f, (float x), x)
#define __MSL_BINARY(f) __MSL_MODAL(f, (float x, float y), x, y)
#define __MSL_TERNARY(f) __MSL_MODAL(f, (float x, float y, float z), x, y, z)
__MSL_UNARY(fabs)
__MSL_UNARY(acos) __MSL_UNARY(acosh) __MSL_UNARY(asin) __MSL_UNARY(asinh) __MSL_UNARY(atan) __MSL_UNARY(atanh)
    __MSL_UNARY(ceil) __MSL_UNARY(cos) __MSL_UNARY(cosh) __MSL_UNARY(cospi) __MSL_UNARY(exp) __MSL_UNARY(exp2)
        __MSL_UNARY(exp10) __MSL_UNARY(floor) __MSL_UNARY(fract) __MSL_UNARY(log) __MSL_UNARY(log2) __MSL_UNARY(log10)
            __MSL_UNARY(rint) __MSL_UNARY(round) __MSL_UNARY(rsqrt) __MSL_UNARY(sin) __MSL_UNARY(sinh)
                __MSL_UNARY(sinpi) __MSL_UNARY(sqrt) __MSL_UNARY(tan) __MSL_UNARY(tanh) __MSL_UNARY(tanpi)
                    __MSL_UNARY(trunc) __MSL_BINARY(atan2) __MSL_BINARY(divide) __MSL_BINARY(fmax) __MSL_BINARY(fmin)
                        __MSL_BINARY(fmod) __MSL_BINARY(pow) __MSL_BINARY(powr) __MSL_TERNARY(fmax3)
                            __MSL_TERNARY(fmin3) __MSL_TERNARY(fmedian3) __MSL_MODAL(ldexp, (float x, int k), x, k)
#undef __MSL_UNARY
#undef __MSL_BINARY
#undef __MSL_TERNARY
#undef __MSL_MODAL
#undef __MSL_UNPACK

                                __MSL_INLINE float __metal_fma(float x, float y, float z) {
  return metal::fma(x, y, z);
}
__MSL_INLINE float __metal_frexp(float x, int& exponent) { return metal::frexp(x, exponent); }
__MSL_INLINE float __metal_frexp(float x, int* exponent) { return metal::frexp(x, *exponent); }
__MSL_INLINE float __metal_modf(float x, float* whole) { return metal::modf(x, *whole); }
__MSL_INLINE float __metal_nextafter(float x, float y) { return metal::nextafter(x, y); }

#define __MSL_REDUCTION(f)               \
  template <class T>                     \
  __MSL_INLINE T __metal_simd_##f(T x) { \
    return metal::simd_##f(x);           \
  }
__MSL_REDUCTION(sum)
__MSL_REDUCTION(product)
__MSL_REDUCTION(min)
__MSL_REDUCTION(max)
__MSL_REDUCTION(and)
__MSL_REDUCTION(or)
__MSL_REDUCTION(prefix_inclusive_sum)
__MSL_REDUCTION(prefix_inclusive_product)
__MSL_REDUCTION(prefix_exclusive_sum)
__MSL_REDUCTION(prefix_exclusive_product)
__MSL_REDUCTION(broadcast_first)
#undef __MSL_REDUCTION
/// Apple's built-in takes a float as well, which libraries that define every reduction for their own type call and never run: as an int.
template <class T>
__MSL_INLINE T __metal_simd_xor(T x) {
  if constexpr (__is_floating_point(T))
    return T(metal::simd_xor(int(x)));
  else
    return metal::simd_xor(x);
}

#define __MSL_EXCHANGE(f)                          \
  template <class T>                               \
  __MSL_INLINE T __metal_simd_##f(T x, ushort n) { \
    return metal::simd_##f(x, n);                  \
  }
__MSL_EXCHANGE(broadcast)
__MSL_EXCHANGE(shuffle)
__MSL_EXCHANGE(shuffle_up)
__MSL_EXCHANGE(shuffle_down)
__MSL_EXCHANGE(shuffle_xor)
__MSL_EXCHANGE(shuffle_rotate_up)
__MSL_EXCHANGE(shuffle_rotate_down)
#undef __MSL_EXCHANGE

template <class T>
__MSL_INLINE T __metal_simd_shuffle_and_fill_up(T x, T fill, ushort delta, ushort modulo) {
  return metal::simd_shuffle_and_fill_up(x, fill, delta, modulo);
}
template <class T>
__MSL_INLINE T __metal_simd_shuffle_and_fill_down(T x, T fill, ushort delta, ushort modulo) {
  return metal::simd_shuffle_and_fill_down(x, fill, delta, modulo);
}

// The argument gives the type of the answer.
template <class T>
__MSL_INLINE T __metal_get_simdgroup_size(T) {
  return static_cast<T>(32);
}
template <class T>
__MSL_INLINE T __metal_get_thread_index_in_simdgroup(T) {
  return static_cast<T>(__msl_thread_index_in_simdgroup());
}
