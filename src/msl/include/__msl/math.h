#pragma once
// <metal_math>: the elementary functions as metal::precise::f, metal::fast::f and metal::f, which follows the math
// mode.
#pragma clang system_header
#include "float_parts.h"
#include "math_all.h"

// Whether metal::f is precise::f. The front end replaces the answer where a source or a part of it asks for safe math.
extern "C" __attribute__((const, nothrow)) inline bool __msl_precise_math() { return false; }

namespace __msl::math::precise {
using math::fmod;
}

namespace metal {

// Half is computed in float, by the function of the mode `h` that is accurate enough for it.
#define __MSL_ONE_ARGUMENT(M, mode)                                                                                   \
  M(acos, mode, precise)                                                                                              \
  M(acosh, mode, precise) M(asin, mode, precise) M(asinh, mode, precise) M(atan, mode, precise)                       \
      M(atanh, mode, precise) M(cos, mode, precise) M(cosh, mode, precise) M(cospi, mode, precise) M(exp, mode, fast) \
          M(exp2, mode, fast) M(exp10, mode, fast) M(log, mode, precise) M(log2, mode, precise)                       \
              M(log10, mode, precise) M(rsqrt, mode, fast) M(sin, mode, precise) M(sinh, mode, precise)               \
                  M(sinpi, mode, precise) M(tan, mode, precise) M(tanh, mode, precise) M(tanpi, mode, precise)
#define __MSL_TWO_ARGUMENTS(M, mode) M(atan2, mode) M(divide, mode) M(fmod, mode) M(pow, mode) M(powr, mode)

#define __MSL_VECTOR_FORM_1(f)                             \
  template <__msl::float_element T, int N>                 \
  __MSL_INLINE constexpr vec<T, N> f(const vec<T, N>& x) { \
    return __msl::map<N>(__MSL_EACH_1(f(x)), x);           \
  }
#define __MSL_VECTOR_FORM_2(f) __MSL_VECTOR_2(f, float_element, return __msl::map<N>(__MSL_EACH_2(f(x, y)), x, y);)

#define __MSL_FIXED_1(f, mode, h)                                                           \
  __MSL_INLINE constexpr half f(half x) { return static_cast<half>(__msl::math::h::f(x)); } \
  __MSL_INLINE constexpr float f(float x) { return __msl::math::mode::f(x); }               \
  __MSL_VECTOR_FORM_1(f)
#define __MSL_FIXED_2(f, mode)                                                                               \
  __MSL_INLINE constexpr half f(half x, half y) { return static_cast<half>(__msl::math::precise::f(x, y)); } \
  __MSL_INLINE constexpr float f(float x, float y) { return __msl::math::mode::f(x, y); }                    \
  __MSL_VECTOR_FORM_2(f)
#define __MSL_SINCOS(body)                                                         \
  __MSL_INLINE constexpr float sincos(float x, float& cosine) { body }             \
  __MSL_INLINE constexpr half sincos(half x, half& cosine) {                       \
    float c = 0;                                                                   \
    const half sine = static_cast<half>(__msl::math::precise::sincos(x, c));       \
    cosine = static_cast<half>(c);                                                 \
    return sine;                                                                   \
  }                                                                                \
  template <__msl::float_element T, int N>                                         \
  __MSL_INLINE constexpr vec<T, N> sincos(const vec<T, N>& x, vec<T, N>& cosine) { \
    vec<T, N> sine;                                                                \
    for (int i = 0; i < N; ++i) sine[i] = sincos(x.__at(i), cosine[i]);            \
    return sine;                                                                   \
  }

namespace precise {
__MSL_ONE_ARGUMENT(__MSL_FIXED_1, precise)
__MSL_TWO_ARGUMENTS(__MSL_FIXED_2, precise)
__MSL_SINCOS(return __msl::math::precise::sincos(x, cosine);)
}  // namespace precise

namespace fast {
__MSL_ONE_ARGUMENT(__MSL_FIXED_1, fast)
__MSL_TWO_ARGUMENTS(__MSL_FIXED_2, fast)
__MSL_SINCOS(return __msl::math::fast::sincos(x, cosine);)
}  // namespace fast

// In constant expressions the precise one.
#define __MSL_CURRENT(call)                                   \
  if consteval {                                              \
    return precise::call;                                     \
  } else {                                                    \
    return __msl_precise_math() ? precise::call : fast::call; \
  }
#define __MSL_CURRENT_1(f, mode, h)                                                         \
  __MSL_INLINE constexpr half f(half x) { return static_cast<half>(__msl::math::h::f(x)); } \
  __MSL_INLINE constexpr float f(float x) { __MSL_CURRENT(f(x)) }                           \
  __MSL_VECTOR_FORM_1(f)
#define __MSL_CURRENT_2(f, mode)                                                                             \
  __MSL_INLINE constexpr half f(half x, half y) { return static_cast<half>(__msl::math::precise::f(x, y)); } \
  __MSL_INLINE constexpr float f(float x, float y) { __MSL_CURRENT(f(x, y)) }                                \
  __MSL_VECTOR_FORM_2(f)
__MSL_ONE_ARGUMENT(__MSL_CURRENT_1, current)
__MSL_TWO_ARGUMENTS(__MSL_CURRENT_2, current)
__MSL_SINCOS(__MSL_CURRENT(sincos(x, cosine)))

#undef __MSL_ONE_ARGUMENT
#undef __MSL_TWO_ARGUMENTS
#undef __MSL_VECTOR_FORM_1
#undef __MSL_VECTOR_FORM_2
#undef __MSL_FIXED_1
#undef __MSL_FIXED_2
#undef __MSL_SINCOS
#undef __MSL_CURRENT
#undef __MSL_CURRENT_1
#undef __MSL_CURRENT_2

}  // namespace metal
