// Activation functions, in f32.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// GELU in its tanh form; the argument of tanh is clamped where tanh is 1 in f32 anyway, so that x^3 cannot overflow it.
inline float gelu_tanh(float x) {
  const float z = metal::clamp(0.7978845608028654f * (x + 0.044715f * x * x * x), -15.0f, 15.0f);
  return 0.5f * x * (1.0f + metal::tanh(z));
}

// Its derivative. Where tanh is 1 in f32, so that its slope is 0, the polynomial beside it is held finite.
inline float gelu_tanh_slope(float x) {
  const float c = 0.7978845608028654f;
  const float t = metal::precise::tanh(metal::clamp(c * (x + 0.044715f * x * x * x), -15.0f, 15.0f));
  const float inner = metal::clamp(x, -10.0f, 10.0f);
  return 0.5f * (1.0f + t) + 0.5f * inner * (1.0f - t * t) * c * (1.0f + 3.0f * 0.044715f * inner * inner);
}

}  // namespace anymetal
