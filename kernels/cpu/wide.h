// The vectors of code that runs a whole threadgroup on one core.
#pragma once
#include "common/lanes.h"

namespace anymetal {

typedef Lanes<16> Wide;
typedef Wide::F WideF;
typedef Wide::U WideU;

// Elements i .. i + 15 of n, those that there are.
template <class T>
void wide_store(device T* to, uint i, uint n, WideF values) {
  if (i + 16 <= n) return Wide::store(to + i, values);
#pragma clang loop vectorize(disable) unroll(disable)
  for (uint j = i; j < n; ++j) to[j] = T(values[j - i]);
}

inline WideF wide_max(WideF a, WideF b) { return __builtin_elementwise_max(a, b); }

// 2^(whole + rest), `whole` the integer nearest to x, a number of about their sum: up to 127; 0 below -126.
inline WideF wide_power(WideF x, WideF rest) {
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

// 2^x for x up to 127; 0 below -126. Good to 2 units in the last place.
inline WideF wide_exp2(WideF x) { return wide_power(x, x - __builtin_elementwise_rint(x)); }

// e^x for x up to 88; 0 below -87.3. Good to 2 units in the last place, where 2^(x log2 e) loses more the larger x is.
inline WideF wide_exp(WideF x) {
  const WideF y = x * 1.44269504089f, whole = __builtin_elementwise_rint(y);
  // ln 2 in two parts, the first of few bits, so that nothing is rounded; as calls, so that nothing is put together.
  const WideF near = __builtin_elementwise_fma(whole, (WideF)-0.693359375f, x);
  return wide_power(y, __builtin_elementwise_fma(whole, (WideF)2.12194440055e-4f, near) * 1.44269504089f);
}

// (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x: off by 6e-8 at most.
inline WideF wide_tanh(WideF x) {
  const WideF part = wide_exp(__builtin_elementwise_abs(x) * -2.0f);
  return __builtin_elementwise_copysign((1.0f - part) / (1.0f + part), x);
}

// x / (1 + e^-x).
inline WideF wide_silu(WideF x) {
  return x / (1.0f + wide_exp(__builtin_elementwise_min(-x, (WideF)87.0f)));
}

}  // namespace anymetal
