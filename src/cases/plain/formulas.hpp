#pragma once
/// \file
/// Activation functions of the plain loops.

#include <cmath>

#include "cases/plain/types.hpp"

namespace anymetal::cases::plain {

inline float logistic(float x) { return 1 / (1 + std::exp(-x)); }
inline float silu(float x) { return x * logistic(x); }
inline float gelu(float x) { return 0.5f * x * (1 + std::tanh(0.7978845608f * (x + 0.044715f * x * x * x))); }

}  // namespace anymetal::cases::plain
