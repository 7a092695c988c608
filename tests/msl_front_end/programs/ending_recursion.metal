// Functions that call themselves or each other, but for each number once or twice only: odd functions, two functions that hand each other
// one half of the numbers.
#include <metal_stdlib>
using namespace metal;

template <typename T>
float odd(T x) {
  if (x < 0.0f) return -odd(-x);
  return x > 4.0f ? 4.0f - 1.0f / float(x) : float(x) * float(x);
}

template <typename T> float log_power(const T);

template <typename T>
float power(const T x) {
  if (x < 0.25f) return 8.0f * x;
  if (x >= 12.0f) return log_power(x) + 100.0f;
  float result = 1.0f;
  for (int i = 1; i < int(x); ++i) result += x * float(i);
  return result;
}

template <typename T>
float log_power(const T x) {
  const auto size = abs(static_cast<float>(x));
  float result;
  if (size == 0) return INFINITY;
  if (size < 12.0f) {
    result = 0.5f * abs(power(size));
  } else {
    result = size * 0.25f;
  }
  if (x >= 0) return result;
  return 3.0f - result;
}

kernel void recursive(device float4* out [[buffer(0)]], constant float* in [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  const float x = in[i];
  out[i] = float4(odd(x), odd(half(x)), power(x), log_power(x));
}
