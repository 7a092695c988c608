// Rounding to codes of a byte, for NVIDIA GPUs: additions in place of conversions, of which they do a fourth as many in a clock.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// `t` rounded half away from zero, plus a number whose last bits are then those of the integer: |t| < 2^21.
inline float rounded_in_place(float t) {
#pragma METAL fp math_mode(safe)
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23
  const float even = (t + kShift) - kShift, rest = t - even;
  const bool tie_towards_zero = metal::fabs(rest) == 0.5f && (rest > 0.0f) == (t > 0.0f);
  return (tie_towards_zero ? t + rest : even) + kShift;
}

// The integer's last byte, as of char(round(t)).
inline uint byte_code(float t) { return as_type<uint>(rounded_in_place(t)) & 0xff; }

}  // namespace anymetal
