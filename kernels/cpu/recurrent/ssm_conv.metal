#include <metal_stdlib>
#include "common/activations.h"
#include "cpu/share.h"
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: ssm_conv_forward_f32 ssm_conv_forward_bf16

struct ConvShape {
  uint channels, tokens, sequences, width;
};

constant constexpr uint kStrip = 512;     // channels at a time
constant constexpr uint kTaps = 8;        // at most, where they are kept side by side for a strip
constant constexpr uint kTokenRun = 64;  // threadgroups along the tokens whose work one does

// One output, element by element.
template <class T>
float convolved(device const T* x, device const T* w, device const T* state, ConvShape s, uint sequence, uint t, uint channel) {
  const uint past = s.width - 1;
  float sum = 0.0f;
#pragma clang loop vectorize(disable) unroll(disable)
  for (uint k = 0; k < s.width; ++k) {
    const uint i = t + k;
    const T element = i < past ? state[(ulong(sequence) * s.channels + channel) * past + i]
                               : x[(ulong(sequence) * s.tokens + (i - past)) * s.channels + channel];
    sum += float(w[ulong(channel) * s.width + k]) * float(element);
  }
  return silu(sum);
}

/// recurrent/ssm_conv.metal for a core that takes a strip of channels of many threadgroups' tokens.
template <class T>
kernel void ssm_conv_forward(device const T* x [[buffer(0)]],
                             device const T* w [[buffer(1)]],
                             device const T* state [[buffer(2)]],
                             device T* y [[buffer(3)]],
                             constant ConvShape& shape [[buffer(4)]],
                             uint3 group [[threadgroup_position_in_grid]],
                             uint3 size [[dispatch_threads_per_threadgroup]]) {
  const ConvShape s = shape;
  const uint2 channels = share_of(group.x, size.x, s.channels, kStrip), tokens = share_of(group.y, size.y, s.tokens, kTokenRun * size.y),
              sequences = share_of(group.z, size.z, s.sequences, size.z);
  if (channels.x == channels.y || tokens.x == tokens.y) return;
  const uint past = s.width - 1;
  const bool stream = is_streamed(y, 2 * sizeof(T) * ulong(s.sequences) * s.tokens * s.channels) && s.channels % 16 == 0 && channels.x % 16 == 0;
  for (uint sequence = sequences.x; sequence < sequences.y; ++sequence) {
    const ulong base = ulong(sequence) * s.tokens * s.channels;
    uint c = channels.x;
    while (channels.y - c >= 16 && s.width <= kTaps) {
      const uint n = min(kStrip, (channels.y - c) & ~15u);
      // Taps, and what lies before the first token, channel beside channel.
      float taps[kTaps][kStrip], before[kTaps][kStrip];
      for (uint i = 0; i < n; ++i) {
#pragma clang loop vectorize(disable) unroll(disable)
        for (uint k = 0; k < s.width; ++k) taps[k][i] = float(w[ulong(c + i) * s.width + k]);
      }
      if (tokens.x < past) {
        device const T* old = state + (ulong(sequence) * s.channels + c) * past;
        for (uint i = 0; i < n; ++i) {
#pragma clang loop vectorize(disable) unroll(disable)
          for (uint k = 0; k < past; ++k) before[k][i] = float(old[i * past + k]);
        }
      }
      // Multiplied and added in one order, so that a sequence in pieces gives the bits of the whole.
      for (uint t = tokens.x; t < tokens.y; ++t) {
        const uint first = past - min(t, past);  // of the taps that meet a token
        device const T* rows = x + base + (long(t) - long(past)) * long(s.channels) + c;
        device T* to = y + base + ulong(t) * s.channels + c;
        if (first == 0 && s.width == 4) {
          for (uint i = 0; i < n; i += 16) {
            WideF sum = 0.0f;
            __builtin_prefetch(rows + 6ul * s.channels + i);  // of the token after the next two
#pragma unroll
            for (uint k = 0; k < 4; ++k)
              sum = __builtin_elementwise_fma(Wide::load(taps[k] + i), Wide::load(rows + ulong(k) * s.channels + i), sum);
            wide_stream(to + i, wide_silu(sum), stream);
          }
          continue;
        }
        for (uint i = 0; i < n; i += 16) {
          WideF sum = 0.0f;
#pragma clang loop unroll(disable)
          for (uint k = 0; k < first; ++k) sum = __builtin_elementwise_fma(Wide::load(taps[k] + i), Wide::load(before[t + k] + i), sum);
#pragma clang loop unroll(disable)
          for (uint k = first; k < s.width; ++k)
            sum = __builtin_elementwise_fma(Wide::load(taps[k] + i), Wide::load(rows + ulong(k) * s.channels + i), sum);
          Wide::store(to + i, wide_silu(sum));
        }
      }
      c += n;
    }
    for (; c < channels.y; ++c) {
      for (uint t = tokens.x; t < tokens.y; ++t) y[base + ulong(t) * s.channels + c] = T(convolved(x, w, state, s, sequence, t, c));
    }
  }
}

#define INSTANTIATE(name, T) \
  template [[host_name("ssm_conv_forward_" name)]] kernel void ssm_conv_forward<T>( \
      device const T*, device const T*, device const T*, device T*, constant ConvShape&, uint3, uint3);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)
