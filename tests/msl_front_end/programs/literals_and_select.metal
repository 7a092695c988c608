// Literals, select, modes
#include <metal_stdlib>
using namespace metal;
float x38_amax(device const float* p, int n) {
#pragma METAL fp math_mode(safe)
  float m = 0.0f, max = p[0];
  for (int k = 0; k < n; ++k) { const float v = p[k]; m = metal::max(m, fabs(v)); if (max < v) max = v; }
  return m / -8 + max * 0;
}
kernel void x38(device float* o [[buffer(0)]], device half* h [[buffer(1)]], uint i [[thread_position_in_grid]]) {
  h[i] = h[i] * 0.5h + half(0.044715 * 2); o[i] = select(0.0f, o[i], o[i] > 1.0) + 1e-5 + precise::tanh(o[i]) + x38_amax(o, 4);
}
