#include <metal_stdlib>
#include "common/activations.h"
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
                    uint i [[thread_position_in_grid]]) {
  if (i < n) y[i] = exp(x[i]);
}

/// dx = dy * y, y = e^x the forward output.
///
/// buffer 0: y [n]; 1: dy [n]; 2: dx [n]; 3: u32 n
/// grid: threads (n). dx may be y or dy. tolerance: 1e-6 max(1, |dx|)
kernel void exp_backward_f32(device const float* y [[buffer(0)]],
                             device const float* dy [[buffer(1)]],
                             device float* dx [[buffer(2)]],
                             constant uint& n [[buffer(3)]],
                             uint i [[thread_position_in_grid]]) {
  if (i < n) dx[i] = dy[i] * y[i];
}

/// y = sqrt(x); NaN for x < 0.
///
/// buffer 0: x [n]; 1: y [n]; 2: u32 n
/// grid: threads (n). y may be x. tolerance: 1e-6 max(1, |y|)
kernel void sqrt_f32(device const float* x [[buffer(0)]],
                     device float* y [[buffer(1)]],
                     constant uint& n [[buffer(2)]],
                     uint i [[thread_position_in_grid]]) {
  if (i < n) y[i] = precise::sqrt(x[i]);
}

/// dx = dy / (2 y), y = sqrt(x) the forward output; y = 0 gives an infinity of dy's sign, NaN for dy = 0.
///
/// buffer 0: y [n]; 1: dy [n]; 2: dx [n]; 3: u32 n
/// grid: threads (n). dx may be y or dy. tolerance: 1e-6 max(1, |dx|)
kernel void sqrt_backward_f32(device const float* y [[buffer(0)]],
                              device const float* dy [[buffer(1)]],
                              device float* dx [[buffer(2)]],
                              constant uint& n [[buffer(3)]],
                              uint i [[thread_position_in_grid]]) {
#pragma METAL fp math_mode(safe)
  if (i < n) dx[i] = dy[i] / (2.0f * y[i]);
}

/// y = a / b.
///
/// buffer 0: a [n]; 1: b [n]; 2: y [n]; 3: u32 n
/// grid: threads (n). y may be a or b. tolerance: 1e-6 max(1, |y|)
kernel void divide_f32(device const float* a [[buffer(0)]],
                       device const float* b [[buffer(1)]],
                       device float* y [[buffer(2)]],
                       constant uint& n [[buffer(3)]],
                       uint i [[thread_position_in_grid]]) {
#pragma METAL fp math_mode(safe)
  if (i < n) y[i] = a[i] / b[i];
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
                                uint i [[thread_position_in_grid]]) {
#pragma METAL fp math_mode(safe)
  if (i >= n) return;
  const float divisor = b[i], quotient = y[i], gradient = dy[i];
  da[i] = gradient / divisor;
  db[i] = -gradient * quotient / divisor;
}

/// y = x / (1 + e^-x); 0 at -inf's side, x at the other.
///
/// buffer 0: x [n]; 1: y [n]; 2: u32 n
/// grid: threads (n). y may be x. tolerance: relative 1e-6 or absolute 1e-7
kernel void silu_f32(device const float* x [[buffer(0)]],
                     device float* y [[buffer(1)]],
                     constant uint& n [[buffer(2)]],
                     uint i [[thread_position_in_grid]]) {
#pragma METAL fp math_mode(safe)
  if (i < n) y[i] = silu(x[i]);
}

/// dx = dy * s * (1 + x * (1 - s)), s = 1 / (1 + e^-x), x the forward input.
///
/// buffer 0: x [n]; 1: dy [n]; 2: dx [n]; 3: u32 n
/// grid: threads (n). dx may be x or dy. tolerance: relative 1e-5 or absolute 1e-6
kernel void silu_backward_f32(device const float* x [[buffer(0)]],
                              device const float* dy [[buffer(1)]],
                              device float* dx [[buffer(2)]],
                              constant uint& n [[buffer(3)]],
                              uint i [[thread_position_in_grid]]) {
#pragma METAL fp math_mode(safe)
  if (i >= n) return;
  const float s = logistic(x[i]);
  dx[i] = dy[i] * s * (1.0f + x[i] * (1.0f - s));
}

/// y = ln x; -inf at 0, NaN below.
///
/// buffer 0: x [n]; 1: y [n]
/// grid: threads (n), exactly: the grid is the only bound. y may be x. tolerance: 1e-5 |y| + 1e-6
kernel void log_f32(device const float* x [[buffer(0)]],
                    device float* y [[buffer(1)]],
                    uint i [[thread_position_in_grid]]) {
  y[i] = precise::log(x[i]);
}

/// dx = dy / x, x the forward input.
///
/// buffer 0: x [n]; 1: dy [n]; 2: dx [n]
/// grid: threads (n), exactly: the grid is the only bound. dx may be x or dy. tolerance: 1e-5 |dx| + 1e-6
kernel void log_backward_f32(device const float* x [[buffer(0)]],
                             device const float* dy [[buffer(1)]],
                             device float* dx [[buffer(2)]],
                             uint i [[thread_position_in_grid]]) {
#pragma METAL fp math_mode(safe)
  dx[i] = dy[i] / x[i];
}
