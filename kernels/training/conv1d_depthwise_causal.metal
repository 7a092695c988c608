#include <metal_stdlib>
#include "common/runs.h"
using namespace metal;
using namespace anymetal;

// kernels: conv1d_depthwise_causal_forward_f32 conv1d_depthwise_causal_backward_dx_f32 conv1d_depthwise_causal_backward_dw_f32

// The past before the first token is zero; tap k of width K looks back K - 1 - k tokens.
struct ConvShape {
  uint tokens, channels, width;
};

// Sums over the taps [first_tap, K) of N channels from c on; tap k meets the row of x that is k * step rows from `x`.
template <uint N>
struct TapSums {
  static void run(uint c, ConvShape s, device const float* x, long step, device const float* w, uint first_tap,
                  device float* y) {
    float sum[N] = {};
    for (uint k = first_tap; k < s.width; ++k) {
      device const float* row = x + long(k) * step;
      for (uint j = 0; j < N; ++j) sum[j] += w[ulong(c + j) * s.width + k] * row[c + j];
    }
    for (uint j = 0; j < N; ++j) y[c + j] = sum[j];
  }
};

/// y[t, c] = sum over k of w[c, k] * x[t + k - (K - 1), c], terms before the first token being 0. A thread does 16 channels.
///
/// buffer 0: x [T, C]; 1: w [C, K]; 2: y [T, C]; 3: u32 {T, C, K}
/// grid: threads (T, C), x = token. tolerance: 1e-5 max(1, |y|)
kernel void conv1d_depthwise_causal_forward_f32(device const float* x [[buffer(0)]],
                                                device const float* w [[buffer(1)]],
                                                device float* y [[buffer(2)]],
                                                constant ConvShape& shape [[buffer(3)]],
                                                uint2 at [[thread_position_in_grid]],
                                                uint2 in_group [[thread_position_in_threadgroup]]) {
  const ConvShape s = shape;
  const uint t = at.x;
  if (has_no_run(at.y, in_group.y, s.channels) || t >= s.tokens) return;
  const uint missing = s.width - 1 - min(t, s.width - 1);
  const long first = long(t) - long(s.width - 1);  // the token that tap 0 meets
  do_run<TapSums>(at.y, s.channels, s, x + first * long(s.channels), long(s.channels), w, missing,
                  y + ulong(t) * s.channels);
}

/// dx[i, c] = sum over k of w[c, k] * dy[i + K - 1 - k, c], terms past the last token being 0. A thread does 16 channels.
///
/// buffer 0: dy [T, C]; 1: w [C, K]; 2: dx [T, C]; 3: u32 {T, C, K}
/// grid: threads (T, C), x = token. tolerance: 1e-5 max(1, |dx|)
kernel void conv1d_depthwise_causal_backward_dx_f32(device const float* dy [[buffer(0)]],
                                                    device const float* w [[buffer(1)]],
                                                    device float* dx [[buffer(2)]],
                                                    constant ConvShape& shape [[buffer(3)]],
                                                    uint2 at [[thread_position_in_grid]],
                                                    uint2 in_group [[thread_position_in_threadgroup]]) {
  const ConvShape s = shape;
  const uint i = at.x;
  if (has_no_run(at.y, in_group.y, s.channels) || i >= s.tokens) return;
  const uint past = i + s.width > s.tokens ? i + s.width - s.tokens : 0;
  do_run<TapSums>(at.y, s.channels, s, dy + ulong(i + s.width - 1) * s.channels, -long(s.channels), w, past,
                  dx + ulong(i) * s.channels);
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
