#include <metal_stdlib>
using namespace metal;

// kernels: conv1d_depthwise_causal_forward_f32 conv1d_depthwise_causal_backward_dx_f32 conv1d_depthwise_causal_backward_dw_f32

// The past before the first token is zero; tap k of width K looks back K - 1 - k tokens.
struct ConvShape {
  uint tokens, channels, width;
};

/// y[t, c] = sum over k of w[c, k] * x[t + k - (K - 1), c], terms before the first token being 0.
///
/// buffer 0: x [T, C]; 1: w [C, K]; 2: y [T, C]; 3: u32 {T, C, K}
/// grid: threads (T, C), x = token. tolerance: 1e-5 max(1, |y|)
kernel void conv1d_depthwise_causal_forward_f32(device const float* x [[buffer(0)]],
                                                device const float* w [[buffer(1)]],
                                                device float* y [[buffer(2)]],
                                                constant ConvShape& shape [[buffer(3)]],
                                                uint2 at [[thread_position_in_grid]]) {
  const ConvShape s = shape;
  const uint t = at.x, c = at.y;
  if (t >= s.tokens || c >= s.channels) return;
  const uint missing = s.width - 1 - min(t, s.width - 1);
  float sum = 0.0f;
  for (uint k = missing; k < s.width; ++k) {
    sum += w[ulong(c) * s.width + k] * x[ulong(t + k - (s.width - 1)) * s.channels + c];
  }
  y[ulong(t) * s.channels + c] = sum;
}

/// dx[i, c] = sum over k of w[c, k] * dy[i + K - 1 - k, c], terms past the last token being 0.
///
/// buffer 0: dy [T, C]; 1: w [C, K]; 2: dx [T, C]; 3: u32 {T, C, K}
/// grid: threads (T, C), x = token. tolerance: 1e-5 max(1, |dx|)
kernel void conv1d_depthwise_causal_backward_dx_f32(device const float* dy [[buffer(0)]],
                                                    device const float* w [[buffer(1)]],
                                                    device float* dx [[buffer(2)]],
                                                    constant ConvShape& shape [[buffer(3)]],
                                                    uint2 at [[thread_position_in_grid]]) {
  const ConvShape s = shape;
  const uint i = at.x, c = at.y;
  if (i >= s.tokens || c >= s.channels) return;
  const uint past = i + s.width > s.tokens ? i + s.width - s.tokens : 0;
  float sum = 0.0f;
  for (uint k = past; k < s.width; ++k) {
    sum += w[ulong(c) * s.width + k] * dy[ulong(i + s.width - 1 - k) * s.channels + c];
  }
  dx[ulong(i) * s.channels + c] = sum;
}

/// dw[c, k] = sum over i of x[i, c] * dy[i + K - 1 - k, c], i ascending; 0 where no token is that far back.
///
/// buffer 0: x [T, C]; 1: dy [T, C]; 2: dw [C, K]; 3: u32 {T, C, K}
/// grid: threads (C, K), x = channel. tolerance: 1e-4 max(1, |dw|)
kernel void conv1d_depthwise_causal_backward_dw_f32(device const float* x [[buffer(0)]],
                                                    device const float* dy [[buffer(1)]],
                                                    device float* dw [[buffer(2)]],
                                                    constant ConvShape& shape [[buffer(3)]],
                                                    uint2 at [[thread_position_in_grid]]) {
  const ConvShape s = shape;
  const uint c = at.x, k = at.y;
  if (c >= s.channels || k >= s.width) return;
  const uint back = s.width - 1 - k;
  float sum = 0.0f;
  for (uint i = 0; i + back < s.tokens; ++i) {
    sum += x[ulong(i) * s.channels + c] * dy[ulong(i + back) * s.channels + c];
  }
  dw[ulong(c) * s.width + k] = sum;
}
