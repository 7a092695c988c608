// Activation functions, in f32.
#pragma once
#include "common/nvidia.h"

namespace anymetal {

// 1 / (1 + e^-x); 0 and 1 at the ends, never NaN for a number.
inline float logistic(float x) { return 1.0f / (1.0f + metal::precise::exp(-x)); }

// The same for results of type T. Of 16 bits two instructions of NVIDIA GPUs do, which are off by some 2^-22.
template <class T>
float logistic_as(float x) {
#if ANYMETAL_NVIDIA
  if (sizeof(T) == 2) return nvidia::reciprocal(1.0f + nvidia::exp2(-1.442695041f * x));
#endif
  return logistic(x);
}

// x / (1 + e^-x).
inline float silu(float x) { return x * logistic(x); }
template <class T>
float silu_as(float x) { return x * logistic_as<T>(x); }

// ln(1 + e^x) = max(x, 0) + ln(1 + t), t = e^-|x|: no overflow, and all digits where e^x is small. With s = t / (2 + t), at
// most 1/3, ln(1 + t) = 2 atanh(s) = 2 (s + s^3 / 3 + s^5 / 5 + ...).
inline float softplus(float x) {
  const float t = metal::precise::exp(-metal::fabs(x));
  const float s = t / (2.0f + t), square = s * s;
  float series = 1.0f / 15.0f;
  for (int n = 13; n > 0; n -= 2) series = series * square + 1.0f / float(n);
  return metal::max(x, 0.0f) + 2.0f * s * series;
}

// GELU in its tanh form, 0.5 x (1 + tanh z) = x / (1 + e^-2z): the latter keeps all digits where 1 + tanh z cancels.
template <class T>
float gelu_tanh_as(float x) {
  return x * logistic_as<T>(1.5957691216057308f * (x + 0.044715f * x * x * x));
}
inline float gelu_tanh(float x) { return gelu_tanh_as<float>(x); }

// Its derivative, free of cancellation: with e = exp(-2 |z|), tanh z = +-(1 - e) / (1 + e) and its slope is
// 4 e / (1 + e)^2. Where e is 0 in f32 the polynomial beside it is held finite.
inline float gelu_tanh_slope(float x) {
  const float c = 0.7978845608028654f;
  const float z = c * (x + 0.044715f * x * x * x);
  const float e = metal::precise::exp(-2.0f * metal::min(metal::fabs(z), 50.0f));
  const float half_one_plus_tanh = (z < 0.0f ? e : 1.0f) / (1.0f + e);
  const float slope = 4.0f * e / ((1.0f + e) * (1.0f + e));
  const float held = metal::clamp(x, -30.0f, 30.0f);
  return half_one_plus_tanh + 0.5f * held * slope * c * (1.0f + 3.0f * 0.044715f * held * held);
}

}  // namespace anymetal
