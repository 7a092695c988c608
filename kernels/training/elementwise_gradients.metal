#include <metal_stdlib>
#include "common/activations.h"
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: exp_f32 exp_backward_f32 sqrt_f32 sqrt_backward_f32 divide_f32 divide_backward_f32
// kernels: silu_f32 silu_backward_f32 log_f32 log_backward_f32

/// y = e^x.
///
/// buffer 0: x [n]; 1: y [n]; 2: u32 n
/// grid: threads (n). y may be x. tolerance: 1e-5 max(1, |y|)
kernel void exp_f32(device const float* x [[buffer(0)]],
                    device float* y [[buffer(1)]],
                    constant uint& n [[buffer(2)]],
                    uint i [[thread_position_in_grid]],
                    uint group [[threadgroup_position_in_grid]],
                    uint size [[threads_per_threadgroup]]) {
  for_element<float>({i, group, size}, n, [&](uint e) { return exp(x[e]); }, [&](uint e, float v) { y[e] = v; });
}

/// dx = dy * y, y = e^x the forward output.
///
/// buffer 0: y [n]; 1: dy [n]; 2: dx [n]; 3: u32 n
/// grid: threads (n). dx may be y or dy. tolerance: 1e-6 max(1, |dx|)
kernel void exp_backward_f32(device const float* y [[buffer(0)]],
                             device const float* dy [[buffer(1)]],
                             device float* dx [[buffer(2)]],
                             constant uint& n [[buffer(3)]],
                             uint i [[thread_position_in_grid]],
                             uint group [[threadgroup_position_in_grid]],
                             uint size [[threads_per_threadgroup]]) {
  for_element<float>({i, group, size}, n, [&](uint e) { return dy[e] * y[e]; }, [&](uint e, float v) { dx[e] = v; });
}

/// y = sqrt(x); NaN for x < 0.
///
/// buffer 0: x [n]; 1: y [n]; 2: u32 n
/// grid: threads (n). y may be x. tolerance: 1e-6 max(1, |y|)
kernel void sqrt_f32(device const float* x [[buffer(0)]],
                     device float* y [[buffer(1)]],
                     constant uint& n [[buffer(2)]],
                     uint i [[thread_position_in_grid]],
                     uint group [[threadgroup_position_in_grid]],
                     uint size [[threads_per_threadgroup]]) {
  for_element<float>({i, group, size}, n, [&](uint e) { return precise::sqrt(x[e]); }, [&](uint e, float v) { y[e] = v; });
}

/// dx = dy / (2 y), y = sqrt(x) the forward output; y = 0 gives an infinity of dy's sign, NaN for dy = 0.
///
/// buffer 0: y [n]; 1: dy [n]; 2: dx [n]; 3: u32 n
/// grid: threads (n). dx may be y or dy. tolerance: 1e-6 max(1, |dx|)
kernel void sqrt_backward_f32(device const float* y [[buffer(0)]],
                              device const float* dy [[buffer(1)]],
                              device float* dx [[buffer(2)]],
                              constant uint& n [[buffer(3)]],
                              uint i [[thread_position_in_grid]],
                              uint group [[threadgroup_position_in_grid]],
                              uint size [[threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
  for_element<float>({i, group, size}, n, [&](uint e) { return dy[e] / (2.0f * y[e]); }, [&](uint e, float v) { dx[e] = v; });
}

/// y = a / b.
///
/// buffer 0: a [n]; 1: b [n]; 2: y [n]; 3: u32 n
/// grid: threads (n). y may be a or b. tolerance: 1e-6 max(1, |y|)
kernel void divide_f32(device const float* a [[buffer(0)]],
                       device const float* b [[buffer(1)]],
                       device float* y [[buffer(2)]],
                       constant uint& n [[buffer(3)]],
                       uint i [[thread_position_in_grid]],
                       uint group [[threadgroup_position_in_grid]],
                       uint size [[threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
  for_element<float>({i, group, size}, n, [&](uint e) { return a[e] / b[e]; }, [&](uint e, float v) { y[e] = v; });
}

/// da = dy / b, db = -dy * y / b, y = a / b the forward output. All inputs are read before either output is written.
///
/// buffer 0: b [n]; 1: y [n]; 2: dy [n]; 3: da [n]; 4: db [n]; 5: u32 n
/// grid: threads (n). da and db may each be an input, not the same buffer. tolerance: 1e-6 max(1, |d|)
kernel void divide_backward_f32(device const float* b [[buffer(0)]],
                                device const float* y [[buffer(1)]],
                                device const float* dy [[buffer(2)]],
                                device float* da [[buffer(3)]],
                                device float* db [[buffer(4)]],
                                constant uint& n [[buffer(5)]],
                                uint i [[thread_position_in_grid]],
                                uint group [[threadgroup_position_in_grid]],
                                uint size [[threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
  const auto gradients = [&](uint e) {
    const float divisor = b[e], quotient = y[e], gradient = dy[e];
    return float2(gradient / divisor, -gradient * quotient / divisor);
  };
  for_element<float>({i, group, size}, n, gradients, [&](uint e, float2 d) { da[e] = d.x, db[e] = d.y; });
}

/// y = x / (1 + e^-x); 0 at -inf's side, x at the other.
///
/// buffer 0: x [n]; 1: y [n]; 2: u32 n
/// grid: threads (n). y may be x. tolerance: relative 1e-6 or absolute 1e-7
kernel void silu_f32(device const float* x [[buffer(0)]],
                     device float* y [[buffer(1)]],
                     constant uint& n [[buffer(2)]],
                     uint i [[thread_position_in_grid]],
                     uint group [[threadgroup_position_in_grid]],
                     uint size [[threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
  for_element<float>({i, group, size}, n, [&](uint e) { return silu(x[e]); }, [&](uint e, float v) { y[e] = v; });
}

/// dx = dy * s * (1 + x * (1 - s)), s = 1 / (1 + e^-x), x the forward input.
///
/// buffer 0: x [n]; 1: dy [n]; 2: dx [n]; 3: u32 n
/// grid: threads (n). dx may be x or dy. tolerance: relative 1e-5 or absolute 1e-6
kernel void silu_backward_f32(device const float* x [[buffer(0)]],
                              device const float* dy [[buffer(1)]],
                              device float* dx [[buffer(2)]],
                              constant uint& n [[buffer(3)]],
                              uint i [[thread_position_in_grid]],
                              uint group [[threadgroup_position_in_grid]],
                              uint size [[threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
  const auto gradient = [&](uint e) {
    const float s = logistic(x[e]);
    return dy[e] * s * (1.0f + x[e] * (1.0f - s));
  };
  for_element<float>({i, group, size}, n, gradient, [&](uint e, float v) { dx[e] = v; });
}

/// y = ln x; -inf at 0, NaN below.
///
/// buffer 0: x [n]; 1: y [n]
/// grid: threads (n), exactly: the grid is the only bound. y may be x. tolerance: 1e-5 |y| + 1e-6
kernel void log_f32(device const float* x [[buffer(0)]],
                    device float* y [[buffer(1)]],
                    uint i [[thread_position_in_grid]],
                    uint n [[threads_per_grid]],
                    uint group [[threadgroup_position_in_grid]],
                    uint size [[threads_per_threadgroup]]) {
  for_element<float>({i, group, size}, n, [&](uint e) { return precise::log(x[e]); }, [&](uint e, float v) { y[e] = v; });
}

/// dx = dy / x, x the forward input.
///
/// buffer 0: x [n]; 1: dy [n]; 2: dx [n]
/// grid: threads (n), exactly: the grid is the only bound. dx may be x or dy. tolerance: 1e-5 |dx| + 1e-6
kernel void log_backward_f32(device const float* x [[buffer(0)]],
                             device const float* dy [[buffer(1)]],
                             device float* dx [[buffer(2)]],
                             uint i [[thread_position_in_grid]],
                             uint n [[threads_per_grid]],
                             uint group [[threadgroup_position_in_grid]],
                             uint size [[threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
  for_element<float>({i, group, size}, n, [&](uint e) { return dy[e] / x[e]; }, [&](uint e, float v) { dx[e] = v; });
}
