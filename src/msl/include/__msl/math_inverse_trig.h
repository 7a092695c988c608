#pragma once
// Inverse trigonometric functions: odd polynomials on the part of the range where they converge, identities elsewhere.
#pragma clang system_header
#include "math_bits.h"

namespace __msl::math {

/// asin(sqrt z) / sqrt z - 1 for z in [0, 1/4].
__MSL_MATH float asin_tail(float z) {
  __MSL_EXACT
  float q = 3.75767685e-2f;
  q = fma(q, z, 1.43912192e-2f);
  q = fma(q, z, 3.18218246e-2f);
  q = fma(q, z, 4.45149950e-2f);
  q = fma(q, z, 7.50051662e-2f);
  q = fma(q, z, 0.166666597f);
  return q * z;
}

/// atan a for a in [0, 1].
__MSL_MATH float atan_polynomial(float a) {
  __MSL_EXACT
  const float z = a * a;
  float q = 2.92020338e-3f;
  q = fma(q, z, -1.63660031e-2f);
  q = fma(q, z, 4.32087593e-2f);
  q = fma(q, z, -7.55195171e-2f);
  q = fma(q, z, 0.106658801f);
  q = fma(q, z, -0.142110229f);
  q = fma(q, z, 0.199937686f);
  q = fma(q, z, -0.333331525f);
  return fma(q * z, a, a);
}

/// pi/2 - y and pi - y.
__MSL_MATH float half_pi_minus(float y) {
  __MSL_EXACT
  return 1.57079637f - (y + 4.37113883e-8f);
}
__MSL_MATH float pi_minus(float y) {
  __MSL_EXACT
  return 3.14159274f - (y + 8.74227766e-8f);
}

namespace precise {

// Above 1/2: asin a = pi/2 - 2 asin sqrt((1 - a) / 2).
__MSL_MATH float asin(float x) {
  __MSL_EXACT
  const float a = magnitude(x);
  const bool large = a > 0.5f;
  const float z = large ? 0.5f * (1.0f - a) : a * a;
  const float root = large ? square_root(z) : a;
  const float y = fma(root, asin_tail(z), root);
  return flip_sign(large ? half_pi_minus(2.0f * y) : y, sign_of(x));
}

__MSL_MATH float acos(float x) {
  __MSL_EXACT
  const float a = magnitude(x);
  const bool large = a > 0.5f;
  const float z = large ? 0.5f * (1.0f - a) : a * a;
  const float root = large ? square_root(z) : x;
  const float y = fma(root, asin_tail(z), root);
  const float twice = 2.0f * y;
  return large ? (x < 0.0f ? pi_minus(twice) : twice) : half_pi_minus(y);
}

__MSL_MATH float atan(float x) {
  __MSL_EXACT
  const float a = magnitude(x);
  const bool large = a > 1.0f;
  const float y = atan_polynomial(large ? 1.0f / a : a);
  return flip_sign(large ? half_pi_minus(y) : y, sign_of(x));
}

/// Special cases as in C: zeros and infinities of either sign.
__MSL_MATH float atan2(float y, float x) {
  __MSL_EXACT
  const float ay = magnitude(y), ax = magnitude(x);
  const bool steep = ay > ax;
  const float larger = steep ? ay : ax, smaller = steep ? ax : ay;
  const float quotient = smaller == larger ? (larger == 0.0f ? 0.0f : 1.0f) : smaller / larger;
  float angle = atan_polynomial(quotient);
  angle = steep ? half_pi_minus(angle) : angle;
  angle = sign_of(x) != 0u ? pi_minus(angle) : angle;
  return is_nan(x) || is_nan(y) ? kNaN : flip_sign(angle, sign_of(y));
}

}  // namespace precise
}  // namespace __msl::math
