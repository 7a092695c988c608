#include <metal_stdlib>
using namespace metal;

constant int degree [[function_constant(0)]];

// out = c[0] + c[1] x + ... + c[degree] x^degree. The degree is fixed when the pipeline is made: the loop disappears.
kernel void polynomial(device const float* x [[buffer(0)]],
                       constant float* coefficients [[buffer(1)]],
                       device float* out [[buffer(2)]],
                       uint i [[thread_position_in_grid]]) {
  float value = coefficients[degree];
  for (int k = degree - 1; k >= 0; --k) {
    value = fma(value, x[i], coefficients[k]);
  }
  out[i] = value;
}
