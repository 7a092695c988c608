#pragma once
// pow and powr: 2^(y * log2 x), the logarithm and the product carried as unevaluated sums of two floats.
#pragma clang system_header
#include "math_bits.h"
#include "math_exp.h"

namespace __msl::math {

/// log2 of positive finite x as high + low, relative error about 2^-32.
/// log2((1 + s) / (1 - s)) = 2 / ln 2 * (s + s^3 / 3 + ...) with s = (m - 1) / (m + 1).
__MSL_MATH float log2_extended(float x, float& low) {
  __MSL_EXACT
  int exponent;
  const float m = split_exponent(x, exponent);
  const float e = static_cast<float>(exponent);
  const float numerator = m - 1.0f;
  const float denominator = m + 1.0f;
  const float denominator_low = m - (denominator - 1.0f);
  const float reciprocal = 1.0f / denominator;
  const float s = numerator * reciprocal;
  const float s_low = fma(-s, denominator_low, fma(-s, denominator, numerator)) * reciprocal;
  const float z = s * s;
  float q = 0.333539039f;
  q = fma(q, z, 0.412058651f);
  q = fma(q, z, 0.577077448f);
  q = fma(q, z, 0.961796701f);
  const float product = s * 2.88539004f;
  float rest = fma(s, 2.88539004f, -product);
  rest = fma(s, 3.85192607e-8f, rest);
  rest = fma(s_low, 2.88539004f, rest);
  rest = fma(s * z, q, rest);
  const float sum = e + product;  // |e| >= |product| or e = 0: the error of the sum is exact
  rest = (product - (sum - e)) + rest;
  const float high = sum + rest;
  low = rest - (high - sum);
  return high;
}

/// x^y for positive finite x, and any y but NaN.
__MSL_MATH float pow_positive(float x, float y) {
  __MSL_EXACT
  float low;
  const float high = log2_extended(x, low);
  const float product = y * high;
  const bool decided = magnitude(product) > 256.0f;  // 0 or infinity
  const float product_low = decided ? 0.0f : fma(y, low, fma(y, high, -product));
  const float limited = limit(product, -256.0f, 256.0f);
  int n;
  const float whole = round_product(limited, 1.0f, n);
  const int scale = n < -250 ? -250 : (n > 250 ? 250 : n);
  return scale_by(exp2_polynomial(limit((limited - whole) + product_low, -0.51f, 0.51f)), scale);
}

namespace precise {

/// Special cases as in C (annex F).
__MSL_MATH float pow(float x, float y) {
  __MSL_EXACT
  const float a = magnitude(x);
  const float half_y = 0.5f * y;
  const bool whole = truncate(y) == y;
  const bool odd = whole && truncate(half_y) != half_y;
  const bool zero = a == 0.0f;
  float r = pow_positive(a, y);
  r = zero || a == kInfinity ? (zero == (y < 0.0f) ? kInfinity : 0.0f) : r;
  r = x < 0.0f && a != kInfinity && !whole ? kNaN : r;
  r = flip_sign(r, odd ? sign_of(x) : 0u);
  r = is_nan(x) || is_nan(y) ? kNaN : r;
  return y == 0.0f || x == 1.0f || (a == 1.0f && magnitude(y) == kInfinity) ? 1.0f : r;
}

/// For x >= 0; NaN below.
__MSL_MATH float powr(float x, float y) {
  __MSL_EXACT
  const bool zero = x == 0.0f;
  float r = pow_positive(magnitude(x), y);
  r = zero || x == kInfinity ? (zero == (y < 0.0f) ? kInfinity : 0.0f) : r;
  r = x < 0.0f || is_nan(x) || is_nan(y) ? kNaN : r;
  return (y == 0.0f && !(x < 0.0f)) || x == 1.0f ? 1.0f : r;
}

}  // namespace precise
}  // namespace __msl::math
