#include <metal_stdlib>
#include "common/activations.h"
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: ssm_conv_forward_f32 ssm_conv_forward_bf16

struct ConvShape {
  uint channels, tokens, sequences, width;
};

constant constexpr uint kTaps = 8;        // that fit into registers
constant constexpr uint kTokenRun = 16;  // threadgroups along the tokens whose work one does

// One output, element by element.
template <class T>
float convolved(device const T* x, device const T* w, device const T* state, ConvShape s, uint sequence, uint t, uint channel) {
  const uint past = s.width - 1;
  float sum = 0.0f;
  for (uint k = 0; k < s.width; ++k) {
    const uint i = t + k;
    const T element = i < past ? state[(ulong(sequence) * s.channels + channel) * past + i]
                               : x[(ulong(sequence) * s.tokens + (i - past)) * s.channels + channel];
    sum += float(w[ulong(channel) * s.width + k]) * float(element);
  }
  return silu(sum);
}

// Element i of the state of 16 channels from `channel` on.
template <class T>
WideF old_elements(device const T* state, ConvShape s, uint sequence, uint channel, uint i) {
  const uint past = s.width - 1;
  WideF elements;
  for (uint j = 0; j < 16; ++j) elements[j] = float(state[(ulong(sequence) * s.channels + channel + j) * past + i]);
  return elements;
}

/// recurrent/ssm_conv.metal for a core that takes 16 channels at a time of 16 threadgroups' tokens, whose taps stay in registers.
template <class T>
kernel void ssm_conv_forward(device const T* x [[buffer(0)]],
                             device const T* w [[buffer(1)]],
                             device const T* state [[buffer(2)]],
                             device T* y [[buffer(3)]],
                             constant ConvShape& shape [[buffer(4)]],
                             uint3 group [[threadgroup_position_in_grid]],
                             uint3 size [[dispatch_threads_per_threadgroup]]) {
  const ConvShape s = shape;
  if (group.y % kTokenRun != 0) return;
  const uint begin = min(group.x * size.x, s.channels), end = min(begin + size.x, s.channels);
  const uint first = min(group.y * size.y, s.tokens), last = min(first + kTokenRun * size.y, s.tokens);
  const uint first_sequence = min(group.z * size.z, s.sequences), last_sequence = min(first_sequence + size.z, s.sequences);
  const uint past = s.width - 1;
  for (uint sequence = first_sequence; sequence < last_sequence; ++sequence) {
    device const T* tokens = x + ulong(sequence) * s.tokens * s.channels;
    device T* out = y + ulong(sequence) * s.tokens * s.channels;
    uint c = begin;
    for (; c + 16 <= end && s.width <= kTaps; c += 16) {
      WideF taps[kTaps] = {};
      for (uint k = 0; k < s.width; ++k) {
        for (uint j = 0; j < 16; ++j) taps[k][j] = float(w[ulong(c + j) * s.width + k]);
      }
      // Multiplied and added in one order, so that a sequence in pieces gives the bits of the whole.
      for (uint t = first; t < last; ++t) {
        WideF sum = 0.0f;
        for (uint k = 0; k < s.width; ++k) {
          const WideF element = t + k < past ? old_elements(state, s, sequence, c, t + k)
                                             : Wide::load(tokens + ulong(t + k - past) * s.channels + c);
          sum = __builtin_elementwise_fma(taps[k], element, sum);
        }
        Wide::store(out + ulong(t) * s.channels + c, wide_silu(sum));
      }
    }
    for (; c < end; ++c) {
      for (uint t = first; t < last; ++t) out[ulong(t) * s.channels + c] = T(convolved(x, w, state, s, sequence, t, c));
    }
  }
}

#define INSTANTIATE(name, T) \
  template [[host_name("ssm_conv_forward_" name)]] kernel void ssm_conv_forward<T>( \
      device const T*, device const T*, device const T*, device T*, constant ConvShape&, uint3, uint3);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)
