#pragma once
// Square root, its reciprocal and division, correctly rounded.
#pragma clang system_header
#include "math_bits.h"

namespace __msl::math {
namespace precise {

__MSL_MATH float divide(float x, float y) {
  __MSL_EXACT
  return x / y;
}

__MSL_MATH float sqrt(float x) { return square_root(x); }

/// y and the first two terms of the series in its residual r = 1 - x y^2: 1 / sqrt(x) = y / sqrt(1 - r).
__MSL_MATH float rsqrt(float x) {
  __MSL_EXACT
  const float y = 1.0f / square_root(x);
  const float product = x * y;
  const float residual = fma(-fma(x, y, -product), y, fma(-product, y, 1.0f));
  const float better = fma(y, fma(residual * residual, 0.375f, 0.5f * residual), y);
  return x > 0.0f && x < kInfinity ? better : y;
}

}  // namespace precise
}  // namespace __msl::math
