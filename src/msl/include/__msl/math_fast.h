#pragma once
// The fast:: functions: shorter polynomials and less reduction, same behaviour at 0, infinity and NaN. A GPU has
// approximate instructions for some; __MSL_NVPTX__ says that code is made for one. Functions that would gain nothing
// are the precise ones.
#pragma clang system_header
#include "math_bits.h"
#include "math_exp.h"
#include "math_inverse_trig.h"
#include "math_log.h"
#include "math_pow.h"
#include "math_root.h"
#include "math_trig.h"
#if defined(__MSL_NVPTX__)
#include "intrinsics.h"
#endif

namespace __msl::math {
namespace fast {

using precise::acos;
using precise::acosh;
using precise::asin;
using precise::asinh;
using precise::atan2;
using precise::atanh;
using precise::cosh;
using precise::cospi;
using precise::pow;
using precise::powr;
using precise::sinh;
using precise::sinpi;
using precise::tanpi;

}  // namespace fast

/// 2^(x * scale): the root of it squared, so that the last rounding alone meets overflow and subnormals.
__MSL_MATH float fast_exp2_scaled(float x, float scale, float low, float high) {
  __MSL_EXACT  // the square must not become a product of squares: that of the power of two could overflow
      const float limited = limit(x, low, high);
  int n;
  const float whole = round_product(limited, 0.5f * scale, n);
  const float root = exp2_polynomial(fma(limited, 0.5f * scale, -whole)) * power_of_two(n);
  return root * root;
}

/// log2 x for normal x; subnormals count as zero.
__MSL_MATH float fast_log2(float x) {
  __MSL_EXACT
  constexpr unsigned kSqrtHalf = 0x3f3504f3u;
  const unsigned bits = to_bits(x) - kSqrtHalf;
  const float f = from_bits((bits & 0x7fffffu) + kSqrtHalf) - 1.0f;
  float q = -0.147155598f;
  q = fma(q, f, 0.234747693f);
  q = fma(q, f, -0.248704076f);
  q = fma(q, f, 0.286986649f);
  q = fma(q, f, -0.360245287f);
  q = fma(q, f, 0.480928391f);
  q = fma(q, f, -0.721352756f);
  q = fma(q, f, 1.44269490f);
  const float y = fma(q, f, static_cast<float>(static_cast<int>(bits) >> 23));
  const float edge = x < 0.0f ? kNaN : (x < 0x1p-126f ? -kInfinity : x);
  return x >= 0x1p-126f && x < kInfinity ? y : edge;
}

/// r of sin_polynomial for |x| up to 2^17; beyond that some value in range, NaN for infinity.
__MSL_MATH float fast_reduce(float a, int& quadrant) {
  const float r = reduce_moderate(a, quadrant);
  return limit(r, -0.79f, 0.79f);
}

/// The same modulo a whole turn, for instructions that want |r| <= pi.
__MSL_MATH float fast_reduce_turn(float x) {
  int turns;
  const float q = round_product(x, 0.159154937f, turns);
  return limit(fma(q, 1.74845553e-7f, fma(q, -6.28318548f, x)), -3.2f, 3.2f);
}

__MSL_MATH float fast_sin_polynomial(float r) {
  __MSL_EXACT
  const float z = r * r;
  float q = -1.95051529e-4f;
  q = fma(q, z, 8.33209325e-3f);
  q = fma(q, z, -0.166666538f);
  return fma(r * z, q, r);
}
__MSL_MATH float fast_cos_polynomial(float r) {
  __MSL_EXACT
  const float z = r * r;
  const float q = fma(z, -1.36390002e-3f, 4.16606069e-2f);
  return fma(z * z, q, fma(z, -0.5f, 1.0f));
}

namespace fast {

__MSL_MATH float divide(float x, float y) { return x / y; }
__MSL_MATH float exp10(float x) { return fast_exp2_scaled(x, 3.32192802f, -46.0f, 39.0f); }
__MSL_MATH float log2(float x) { return fast_log2(x); }
using OfRadians = Trigonometry<fast_reduce, fast_sin_polynomial, fast_cos_polynomial>;
__MSL_MATH float tan(float x) { return OfRadians::tan(x); }

#if defined(__MSL_NVPTX__)
// Not lg2.approx, whose error reaches 4 ULP, and no tangent from sin.approx and cos.approx, whose errors are absolute.
__MSL_MATH float reciprocal(float x) { return __msl_fast_rcp(x); }
__MSL_MATH float rsqrt(float x) { return __msl_fast_rsqrt(x); }
__MSL_MATH float exp2(float x) { return __msl_fast_exp2(x); }
__MSL_MATH float exp(float x) { return __msl_fast_exp2(x * 1.44269502f); }
__MSL_MATH float sin(float x) { return __msl_fast_sin(fast_reduce_turn(x)); }
__MSL_MATH float cos(float x) { return __msl_fast_cos(fast_reduce_turn(x)); }
__MSL_MATH float sincos(float x, float& cosine) {
  const float r = fast_reduce_turn(x);
  cosine = __msl_fast_cos(r);
  return __msl_fast_sin(r);
}
#else
__MSL_MATH float reciprocal(float x) { return 1.0f / x; }
__MSL_MATH float rsqrt(float x) {
  __MSL_EXACT  // the licence to use reciprocals would allow an estimate that is NaN at 0
      return 1.0f /
      square_root(x);
}
using precise::exp2;
__MSL_MATH float exp(float x) { return fast_exp2_scaled(x, 1.44269502f, -104.0f, 90.0f); }
__MSL_MATH float sin(float x) { return OfRadians::sin(x); }
__MSL_MATH float cos(float x) { return OfRadians::cos(x); }
__MSL_MATH float sincos(float x, float& cosine) { return OfRadians::sincos(x, cosine); }
#endif

__MSL_MATH float sqrt(float x) { return square_root(x); }
__MSL_MATH float log(float x) { return 0.693147182f * log2(x); }
__MSL_MATH float log10(float x) { return 0.301030010f * log2(x); }

__MSL_MATH float tanh(float x) {
  const float e = expm1_limited(2.0f * limit(x, -10.0f, 10.0f));
  return divide(e, e + 2.0f);
}

__MSL_MATH float atan(float x) {
  __MSL_EXACT
  const float a = magnitude(x);
  const bool large = a > 1.0f;
  const float argument = large ? reciprocal(a) : a;
  const float z = argument * argument;
  float q = -4.82305884e-3f;
  q = fma(q, z, 2.47360021e-2f);
  q = fma(q, z, -6.02059700e-2f);
  q = fma(q, z, 9.96868163e-2f);
  q = fma(q, z, -0.140414074f);
  q = fma(q, z, 0.199742287f);
  q = fma(q, z, -0.333323926f);
  const float y = fma(q * z, argument, argument);
  return flip_sign(large ? 1.57079637f - y : y, sign_of(x));
}

/// The quotient rounded, so not exact for large quotients; NaN at y = 0.
__MSL_MATH float fmod(float x, float y) {
  const float whole = truncate(x / y);
  return fma(-whole, y, x);
}

}  // namespace fast
}  // namespace __msl::math
