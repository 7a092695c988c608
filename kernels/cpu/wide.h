// The vectors of code that runs a whole threadgroup on one core.
#pragma once
#include "common/lanes.h"

namespace anymetal {

typedef Lanes<16> Wide;
typedef Wide::F WideF;
typedef Wide::U WideU;

inline WideF wide_max(WideF a, WideF b) { return __builtin_elementwise_max(a, b); }

// 2^x for x up to 127; 0 below -126. Good to 2 units in the last place.
inline WideF wide_exp2(WideF x) {
  const WideF whole = __builtin_elementwise_rint(x), rest = x - whole;
  WideF power = 1.535336188319500e-4f;
  power = power * rest + 1.339887440266574e-3f;
  power = power * rest + 9.618437357674640e-3f;
  power = power * rest + 5.550332471162809e-2f;
  power = power * rest + 2.402264791363012e-1f;
  power = power * rest + 6.931472028550421e-1f;
  power = power * rest + 1.0f;
  // The sum's low bits are `whole`, also where x is NaN and has no integer.
  const WideU exponent = __builtin_bit_cast(WideU, x + 0x1.8p23f) << 23u;
  const WideF scale = __builtin_bit_cast(WideF, exponent + 0x3f800000u);
  return x < -126.0f ? (WideF)0.0f : power * scale;
}

// x / (1 + e^-x).
inline WideF wide_silu(WideF x) {
  return x / (1.0f + wide_exp2(__builtin_elementwise_min(x * -1.44269504089f, (WideF)126.0f)));
}

}  // namespace anymetal
