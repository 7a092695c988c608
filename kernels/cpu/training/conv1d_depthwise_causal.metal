#include <metal_stdlib>
#include "cpu/share.h"
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: conv1d_depthwise_causal_forward_f32 conv1d_depthwise_causal_backward_dx_f32 conv1d_depthwise_causal_backward_dw_f32

struct ConvShape {
  uint tokens, channels, width;
};

constant constexpr uint kStrip = 512;  // channels at a time: rows of two kilobytes
constant constexpr uint kTaps = 8;     // at most, where they or their sums are kept side by side for a strip

// For tokens `tokens` and channels `channels`, y[t, c] = sum over taps k of w[c, k] * x[t + offset + k * step, c], terms
// outside of the sequence being 0.
inline void convolve(ConvShape s, device const float* x, device const float* w, device float* y, uint2 tokens, uint2 channels,
                     int offset, int step) {
  const bool stream = is_streamed(y, 2 * sizeof(float) * ulong(s.tokens) * s.channels) && s.channels % 16 == 0 && channels.x % 16 == 0;
  for (uint first = channels.x; first < channels.y; first += kStrip) {
    const uint n = min(kStrip, channels.y - first);
    float taps[kTaps][kStrip];
    const bool is_kept = s.width <= kTaps;
    if (is_kept) {
      for (uint k = 0; k < s.width; ++k) {
#pragma clang loop vectorize(disable) unroll(disable)
        for (uint c = 0; c < n; ++c) taps[k][c] = w[ulong(first + c) * s.width + k];
      }
    }
    for (uint t = tokens.x; t < tokens.y; ++t) {
      const long at = long(t) + offset;
      const uint begin = uint(max(0L, step > 0 ? -at : at + 1 - long(s.tokens)));  // the first tap that meets a token
      device const float* from = x + at * long(s.channels) + first;
      const long pitch = long(step) * long(s.channels);
      device const float* ahead = from + (step > 0 ? long(s.width) + 1 : 2) * long(s.channels);  // of the token after the next
      device float* to = y + ulong(t) * s.channels + first;
      uint c = 0;
      if (is_kept) {
        for (; c + 16 <= n; c += 16) {
          WideF sum = 0.0f;
          __builtin_prefetch(ahead + c);
          for (uint k = begin; k < s.width; ++k) sum += Wide::load(taps[k] + c) * Wide::load(from + long(k) * pitch + c);
          wide_stream(to + c, sum, stream);
        }
      }
#pragma clang loop vectorize(disable) unroll(disable)
      for (; c < n; ++c) {
        float sum = 0.0f;
#pragma clang loop vectorize(disable) unroll(disable)
        for (uint k = begin; k < s.width; ++k) sum += w[ulong(first + c) * s.width + k] * from[long(k) * pitch + c];
        to[c] = sum;
      }
    }
  }
}

/// training/conv1d_depthwise_causal.metal for a core that takes the channels of several threadgroups.
kernel void conv1d_depthwise_causal_forward_f32(device const float* x [[buffer(0)]],
                                                device const float* w [[buffer(1)]],
                                                device float* y [[buffer(2)]],
                                                constant ConvShape& shape [[buffer(3)]],
                                                uint2 group [[threadgroup_position_in_grid]],
                                                uint2 size [[dispatch_threads_per_threadgroup]]) {
  const ConvShape s = shape;
  const uint2 tokens = share_of(group.x, size.x, s.tokens, size.x);
  convolve(s, x, w, y, tokens, share_of(group.y, size.y, s.channels, kStrip), 1 - int(s.width), 1);
}

/// training/conv1d_depthwise_causal.metal for a core that takes the channels of several threadgroups.
kernel void conv1d_depthwise_causal_backward_dx_f32(device const float* dy [[buffer(0)]],
                                                    device const float* w [[buffer(1)]],
                                                    device float* dx [[buffer(2)]],
                                                    constant ConvShape& shape [[buffer(3)]],
                                                    uint2 group [[threadgroup_position_in_grid]],
                                                    uint2 size [[dispatch_threads_per_threadgroup]]) {
  const ConvShape s = shape;
  const uint2 tokens = share_of(group.x, size.x, s.tokens, size.x);
  convolve(s, dy, w, dx, tokens, share_of(group.y, size.y, s.channels, kStrip), int(s.width) - 1, -1);
}

// Adds what kTokens tokens give to the sums of kWidth taps: x[i] dy[i + back], back = kWidth - 1 - k.
template <uint kWidth, uint kTokens>
void add_tokens(device const float* x, device const float* dy, ulong pitch, thread WideF* sums) {
  WideF a[kTokens], b[kTokens + kWidth - 1];
#pragma unroll
  for (uint i = 0; i < kTokens; ++i) a[i] = Wide::load(x + i * pitch);
#pragma unroll
  for (uint i = 0; i < kTokens + kWidth - 1; ++i) b[i] = Wide::load(dy + i * pitch);
#pragma unroll
  for (uint k = 0; k < kWidth; ++k) {
#pragma unroll
    for (uint i = 0; i < kTokens; ++i) sums[k] += a[i] * b[i + kWidth - 1 - k];
  }
}

// The gradient of taps `first_tap` up to `last_tap`, kTaps of them at most, of n channels, a multiple of 16 and at most a strip.
inline void strip_gradient(ConvShape s, device const float* x, device const float* dy, device float* dw, uint n, uint first_tap,
                           uint last_tap) {
  constexpr uint kTokens = 4;
  const ulong pitch = s.channels;
  WideF sums[kStrip / 16][kTaps] = {};
  for (uint t = 0; t < s.tokens;) {
    const bool is_run = s.width == 4 && t + kTokens + 3 <= s.tokens;
    device const float *from = x + t * pitch, *to = dy + t * pitch;
    for (uint c = 0; c < n; c += 16) {
      if (is_run) {
        add_tokens<4, kTokens>(from + c, to + c, pitch, sums[c / 16]);
        continue;
      }
      const WideF a = Wide::load(from + c);
      for (uint k = first_tap; k < last_tap; ++k) {
        const uint back = s.width - 1 - k;
        if (t + back < s.tokens) sums[c / 16][k - first_tap] += a * Wide::load(to + back * pitch + c);
      }
    }
    t += is_run ? kTokens : 1;
  }
  for (uint c = 0; c < n; ++c) {
    for (uint k = first_tap; k < last_tap; ++k) dw[ulong(c) * s.width + k] = ((thread const float*)&sums[c / 16][k - first_tap])[c % 16];
  }
}

/// training/conv1d_depthwise_causal.metal for a core that takes the channels of several threadgroups, all taps at once.
kernel void conv1d_depthwise_causal_backward_dw_f32(device const float* x [[buffer(0)]],
                                                    device const float* dy [[buffer(1)]],
                                                    device float* dw [[buffer(2)]],
                                                    constant ConvShape& shape [[buffer(3)]],
                                                    uint2 group [[threadgroup_position_in_grid]],
                                                    uint2 size [[dispatch_threads_per_threadgroup]]) {
  if (group.y != 0) return;
  const ConvShape s = shape;
  const uint2 channels = share_of(group.x, size.x, s.channels, kStrip);
  uint c = channels.x;
  while (channels.y - c >= 16) {
    const uint n = min(kStrip, (channels.y - c) & ~15u);
    for (uint k = 0; k < s.width; k += kTaps)
      strip_gradient(s, x + c, dy + c, dw + ulong(c) * s.width, n, k, min(s.width, k + kTaps));
    c += n;
  }
  for (; c < channels.y; ++c) {
    for (uint k = 0; k < s.width; ++k) {
      const uint back = s.width - 1 - k;
      float sum = 0.0f;
#pragma clang loop vectorize(disable)
      for (uint i = 0; i + back < s.tokens; ++i) sum += x[ulong(i) * s.channels + c] * dy[ulong(i + back) * s.channels + c];
      dw[ulong(c) * s.width + k] = sum;
    }
  }
}
