// Activation functions, in f32.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// GELU in its tanh form; the argument of tanh is clamped where tanh is 1 in f32 anyway, so that x^3 cannot overflow it.
inline float gelu_tanh(float x) {
  const float z = metal::clamp(0.7978845608028654f * (x + 0.044715f * x * x * x), -15.0f, 15.0f);
  return 0.5f * x * (1.0f + metal::tanh(z));
}

}  // namespace anymetal
