#include <metal_stdlib>
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: adam_update_f32

struct AdamParams {
  float rate, beta1, beta2, eps;
  float correction1, correction2;  // 1 - beta^t
};

/// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p -= rate * (m / correction1) / (sqrt(v / correction2) + eps).
///
/// buffer 0: p [n]; 1: g [n]; 2: m [n]; 3: v [n]; 4: AdamParams; 5: u32 n
/// grid: threads (n). Source: arXiv 1412.6980. tolerance: relative 1e-5 or absolute 1e-7
kernel void adam_update_f32(device float* p [[buffer(0)]],
                            device const float* g [[buffer(1)]],
                            device float* m [[buffer(2)]],
                            device float* v [[buffer(3)]],
                            constant AdamParams& params [[buffer(4)]],
                            constant uint& n [[buffer(5)]],
                            uint i [[thread_position_in_grid]],
                            uint group [[threadgroup_position_in_grid]],
                            uint size [[threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
  const AdamParams a = params;
  const auto store = [&](uint e, float4 old) {  // parameter, gradient, both moments
    const float first = a.beta1 * old.z + (1.0f - a.beta1) * old.y;
    const float second = a.beta2 * old.w + (1.0f - a.beta2) * old.y * old.y;
    m[e] = first;
    v[e] = second;
    p[e] = old.x - a.rate * (first / a.correction1) / (precise::sqrt(second / a.correction2) + a.eps);
  };
  for_element<float>({i, group, size}, n, [&](uint e) { return float4(p[e], g[e], m[e], v[e]); }, store);
}
