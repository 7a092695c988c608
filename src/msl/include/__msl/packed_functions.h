#pragma once
// Packed vectors, and volatile ones, as arguments of the library's functions: of each the vector is taken. The functions proper are
// templates over vec, which a conversion alone would not find.
#pragma clang system_header
#include "common.h"
#include "geometric.h"
#include "integer.h"
#include "math.h"
#include "minmax.h"
#include "modes.h"
#include "packed.h"
#include "quadgroup.h"
#include "relational.h"
#include "simdgroup.h"

namespace __msl {

// What a function template over vec does not take: packed vectors, and vectors that are volatile.
template <class A>
inline constexpr bool is_loaded = is_packed<plain<A>>;
template <class A>
inline constexpr bool is_loaded<volatile A> = __is_class(A);

}  // namespace __msl

#define __MSL_UNPACKED(space, name)                                 \
  template <class... A>                                             \
    requires((__msl::is_loaded<A> || ...))            \
  __MSL_INLINE constexpr auto name(const A&... a) {                 \
    return space::name(__msl::loaded(a)...);                      \
  }
// Functions that write their second argument.
#define __MSL_UNPACKED_OUT(space, name)                             \
  template <class A, class R>                                       \
    requires(__msl::is_loaded<A>)                                   \
  __MSL_INLINE auto name(const A& a, R& result) {                   \
    return space::name(__msl::loaded(a), result);                 \
  }

#define __MSL_EACH_MATH(F, space)                                                                                       \
  F(space, abs) F(space, acos) F(space, acosh) F(space, asin) F(space, asinh) F(space, atan) F(space, atan2)            \
  F(space, atanh) F(space, ceil) F(space, clamp) F(space, copysign) F(space, cos) F(space, cosh) F(space, cospi)        \
  F(space, divide) F(space, exp) F(space, exp10) F(space, exp2) F(space, fabs) F(space, fdim) F(space, floor)           \
  F(space, fma) F(space, fmax) F(space, fmax3) F(space, fmedian3) F(space, fmin) F(space, fmin3) F(space, fmod)         \
  F(space, fract) F(space, log) F(space, log10) F(space, log2) F(space, max) F(space, max3) F(space, median3)           \
  F(space, min) F(space, min3) F(space, mix) F(space, pow) F(space, powr) F(space, rint) F(space, round)                \
  F(space, rsqrt) F(space, saturate) F(space, sign) F(space, sin) F(space, sinh) F(space, sinpi) F(space, smoothstep)   \
  F(space, sqrt) F(space, step) F(space, tan) F(space, tanh) F(space, tanpi) F(space, trunc) F(space, length)           \
  F(space, distance) F(space, normalize)

namespace metal {
__MSL_EACH_MATH(__MSL_UNPACKED, metal)
#define __MSL_F(name) __MSL_UNPACKED(metal, name)
__MSL_F(absdiff) __MSL_F(addsat) __MSL_F(subsat) __MSL_F(madsat) __MSL_F(hadd) __MSL_F(rhadd) __MSL_F(mulhi) __MSL_F(madhi)
__MSL_F(clz) __MSL_F(ctz) __MSL_F(popcount) __MSL_F(rotate) __MSL_F(reverse_bits) __MSL_F(extract_bits) __MSL_F(insert_bits)
__MSL_F(isfinite) __MSL_F(isinf) __MSL_F(isnan) __MSL_F(isnormal) __MSL_F(signbit) __MSL_F(isordered) __MSL_F(isunordered)
__MSL_F(select) __MSL_F(dot) __MSL_F(cross) __MSL_F(length_squared) __MSL_F(distance_squared) __MSL_F(faceforward)
__MSL_F(reflect) __MSL_F(refract) __MSL_F(ilogb) __MSL_F(ldexp) __MSL_F(nextafter)
__MSL_F(simd_sum) __MSL_F(simd_product) __MSL_F(simd_min) __MSL_F(simd_max) __MSL_F(simd_broadcast) __MSL_F(simd_broadcast_first)
__MSL_F(simd_shuffle) __MSL_F(simd_shuffle_up) __MSL_F(simd_shuffle_down) __MSL_F(simd_shuffle_xor)
__MSL_F(simd_shuffle_rotate_up) __MSL_F(simd_shuffle_rotate_down) __MSL_F(simd_prefix_inclusive_sum) __MSL_F(simd_prefix_exclusive_sum)
__MSL_F(simd_prefix_inclusive_product) __MSL_F(simd_prefix_exclusive_product)
__MSL_F(quad_sum) __MSL_F(quad_product) __MSL_F(quad_min) __MSL_F(quad_max) __MSL_F(quad_broadcast) __MSL_F(quad_broadcast_first)
__MSL_F(quad_shuffle) __MSL_F(quad_shuffle_up) __MSL_F(quad_shuffle_down) __MSL_F(quad_shuffle_xor)
#undef __MSL_F
__MSL_UNPACKED_OUT(metal, modf)
__MSL_UNPACKED_OUT(metal, sincos)
__MSL_UNPACKED_OUT(metal, frexp)

template <class U, class P>
  requires(__msl::is_packed<__msl::plain<P>>)
__MSL_INLINE constexpr U as_type(const P& p) {
  return as_type<U>(p.__load());
}

namespace precise {
__MSL_EACH_MATH(__MSL_UNPACKED, precise)
}
namespace fast {
__MSL_EACH_MATH(__MSL_UNPACKED, fast)
}
}  // namespace metal

#undef __MSL_EACH_MATH
#undef __MSL_UNPACKED
#undef __MSL_UNPACKED_OUT
