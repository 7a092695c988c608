// Codes of Q8_0 and Q4_0 blocks, 32 elements as two vectors. For sources whose products are not fused and whose divisions are IEEE.
#pragma once
#include "cpu/wide.h"

namespace anymetal {

// |x| as integers in the order of the floats; NaN, which no maximum takes, as 0.
inline Int16 wide_magnitudes(WideF x) {
  const Int16 bits = __builtin_bit_cast(Int16, x) & 0x7fffffff;
  return bits > 0x7f800000 ? (Int16)0 : bits;
}
inline float peak_of(WideF a, WideF b) {
  return metal::as_type<float>(__builtin_reduce_max(__builtin_elementwise_max(wide_magnitudes(a), wide_magnitudes(b))));
}

// x * inverse rounded half away from zero, within -128 .. 127.
inline WideF code_of(WideF x, float inverse) {
  // Choices are single instructions, extremes that mind NaN are three.
  const WideF scaled = __builtin_elementwise_round(x * inverse), held = scaled < 127.0f ? scaled : (WideF)127.0f;
  return held > -128.0f ? held : (WideF)-128.0f;
}

}  // namespace anymetal
