#include <metal_stdlib>
#include "common/activations.h"
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: gelu_f32 gelu_f16 gelu_bf16 silu_mul_f32 sigmoid_mul_f32 sigmoid_mul_bf16

/// y = gelu(x) in its tanh form, in f32 and rounded once. Source: arXiv 1606.08415.
///
/// buffer 0: x [n]; 1: y [n]
/// grid: threads (n), exactly: the grid is the only bound. y may be x. tolerance: f32 1e-5, f16 1e-3, bf16 8e-3
template <class T>
kernel void gelu(device const T* x [[buffer(0)]],
                 device T* y [[buffer(1)]],
                 uint i [[thread_position_in_grid]],
                 uint n [[threads_per_grid]],
                 uint group [[threadgroup_position_in_grid]],
                 uint size [[threads_per_threadgroup]]) {
  for_element<T>({i, group, size}, n, [&](uint e) { return T(gelu_tanh_as<T>(float(x[e]))); }, [&](uint e, T v) { y[e] = v; });
}

/// y = gate / (1 + e^-gate) * up. Source: arXiv 2002.05202.
///
/// buffer 0: gate [n]; 1: up [n]; 2: y [n]; 3: u32 n
/// grid: threads (n). y may be gate or up. tolerance: 1e-6 |y| + 1e-6
kernel void silu_mul_f32(device const float* gate [[buffer(0)]],
                         device const float* up [[buffer(1)]],
                         device float* y [[buffer(2)]],
                         constant uint& n [[buffer(3)]],
                         uint i [[thread_position_in_grid]],
                         uint group [[threadgroup_position_in_grid]],
                         uint size [[threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
  for_element<float>({i, group, size}, n, [&](uint e) { return gate[e] / (1.0f + precise::exp(-gate[e])) * up[e]; }, [&](uint e, float v) { y[e] = v; });
}

#if ANYMETAL_NVIDIA
// x / (1 + e^-g) by two instructions that are off by some 2^-22, which 16 bits do not show. For a negative g it is x e^(g/2) e^(g/2) / (1 + e^g), whose
// factors are no subnormal numbers where the product is none.
inline float by_logistic(float x, float g) {
  const float half_way = nvidia::exp2(0.7213475204f * min(g, 0.0f));
  return x * half_way * nvidia::reciprocal(1.0f + nvidia::exp2(-1.442695041f * fabs(g))) * half_way;
}
#endif

/// y = x / (1 + e^-gate), in f32 and rounded once.
///
/// buffer 0: x [n]; 1: gate [n]; 2: y [n]; 3: u32 n
/// grid: threads (n). y may be x or gate. tolerance: f32 1e-6, bf16 8e-3
template <class T>
kernel void sigmoid_mul(device const T* x [[buffer(0)]],
                        device const T* gate [[buffer(1)]],
                        device T* y [[buffer(2)]],
                        constant uint& n [[buffer(3)]],
                        uint i [[thread_position_in_grid]],
                        uint group [[threadgroup_position_in_grid]],
                        uint size [[threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
  const auto value = [&](uint e) {
#if ANYMETAL_NVIDIA
    if (sizeof(T) == 2) return T(by_logistic(float(x[e]), float(gate[e])));
#endif
    return T(float(x[e]) / (1.0f + precise::exp(-float(gate[e]))));
  };
  for_element<T>({i, group, size}, n, value, [&](uint e, T v) { y[e] = v; });
}

template [[host_name("gelu_f32")]] kernel void gelu<float>(device const float*, device float*, uint, uint, uint, uint);
template [[host_name("gelu_f16")]] kernel void gelu<half>(device const half*, device half*, uint, uint, uint, uint);
template [[host_name("gelu_bf16")]] kernel void gelu<bfloat>(device const bfloat*, device bfloat*, uint, uint, uint, uint);
template [[host_name("sigmoid_mul_f32")]] kernel void sigmoid_mul<float>(device const float*, device const float*, device float*, constant uint&, uint, uint, uint);
template [[host_name("sigmoid_mul_bf16")]] kernel void sigmoid_mul<bfloat>(device const bfloat*, device const bfloat*, device bfloat*, constant uint&, uint, uint, uint);
