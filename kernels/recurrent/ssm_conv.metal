#include <metal_stdlib>
#include "common/activations.h"
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: ssm_conv_forward_f32 ssm_conv_forward_bf16 ssm_conv_state_update_f32 ssm_conv_state_update_bf16

struct ConvShape {
  uint channels, tokens, sequences, width;
};
static_assert(sizeof(ConvShape) == 16, "layout");

// Element i of one channel's past and present: its width - 1 elements of state, oldest first, then the tokens.
template <class T>
T past_and_present(device const T* x, device const T* state, ConvShape s, uint sequence, uint channel, uint i) {
  const uint past = s.width - 1;
#if ANYMETAL_NVIDIA
  // The place is chosen, not whether there is a load: several are on their way at once.
  const ulong in_state = (ulong(sequence) * s.channels + channel) * past + i, in_x = (ulong(sequence) * s.tokens + (i - past)) * s.channels + channel;
  return *(i < past ? state + in_state : x + in_x);
#endif
  if (i < past) return state[(ulong(sequence) * s.channels + channel) * past + i];
  return x[(ulong(sequence) * s.tokens + (i - past)) * s.channels + channel];
}

#if ANYMETAL_NVIDIA
constant constexpr uint kConvTokens = 8;

// ssm_conv_forward with four taps for kConvTokens tokens from `token` on and kRun channels. All elements are on their way at once: those before the
// first token come afterwards.
template <class T, uint kRun>
void convolve_run(device const T* x, device const T* w, device const T* state, device T* y, ConvShape s, uint sequence, uint channel, uint token) {
  typedef ElementRun<T, kRun> Run;
  T taps[kRun][4];
  for (uint c = 0; c < kRun; ++c) {
    for (uint k = 0; k < 4; k += kRun) {
      Run two;
      two.load(w + (ulong(channel) + c) * 4 + k);
      for (uint e = 0; e < kRun; ++e) taps[c][k + e] = two.values[e];
    }
  }
  const ulong first = ulong(sequence) * s.tokens * s.channels + channel;
  Run row[kConvTokens + 3];
  for (uint i = 0; i < kConvTokens + 3; ++i) row[i].load(x + first + ulong(clamp(token + i, 3u, s.tokens + 2) - 3) * s.channels);
  if (token < 3) {
    device const T* past = state + (ulong(sequence) * s.channels + channel) * 3;
    for (uint i = 0; i < 3; ++i) {
      for (uint c = 0; c < kRun && token + i < 3; ++c) row[i].values[c] = past[3 * c + token + i];
    }
  }
  for (uint i = 0; i < kConvTokens; ++i) {
    Run result;
    for (uint c = 0; c < kRun; ++c) {
      float sum = 0.0f;
      for (uint k = 0; k < 4; ++k) sum += float(taps[c][k]) * float(row[i + k].values[c]);
      result.values[c] = T(silu_as<T>(sum));
    }
    if (token + i < s.tokens) result.store(y + first + ulong(token + i) * s.channels);
  }
}
#endif

/// y[s, t, c] = silu(sum over k of w[c, k] * e[t + k]), e the channel's state followed by its tokens,
/// silu(a) = a / (1 + e^-a); in f32 and rounded once. Tap K - 1 is the current token's.
///
/// buffer 0: x [S, T, C]; 1: w [C, K]; 2: state [S, C, K - 1], oldest first; 3: y [S, T, C]; 4: u32 {C, T, S, K}
/// grid: threads (C, T, S). y must not be x. tolerance: 5e-7 |y| + 2e-7 of the sum of absolute terms, for bf16 2^-8 |y|
/// more
template <class T>
kernel void ssm_conv_forward(device const T* x [[buffer(0)]],
                             device const T* w [[buffer(1)]],
                             device const T* state [[buffer(2)]],
                             device T* y [[buffer(3)]],
                             constant ConvShape& shape [[buffer(4)]],
                             uint3 at [[thread_position_in_grid]],
                             uint3 in_group [[thread_position_in_threadgroup]],
                             uint3 group [[threadgroup_position_in_grid]],
                             uint3 size [[threads_per_threadgroup]]) {
  const ConvShape s = shape;
  if (at.x >= s.channels || at.y >= s.tokens || at.z >= s.sequences) return;
  const auto store = [&](uint t, float sum) { y[(ulong(at.z) * s.tokens + t) * s.channels + at.x] = T(silu_as<T>(sum)); };
  const auto sum_at = [&](uint t) {
    float sum = 0.0f;
    for (uint k = 0; k < s.width; ++k) {
      sum += float(w[ulong(at.x) * s.width + k]) * float(past_and_present(x, state, s, at.z, at.x, t + k));
    }
    return sum;
  };
#if ANYMETAL_NVIDIA
  // Every eighth threadgroup does the tokens of the seven after it, eleven elements make eight results; of 16 bits every sixteenth, half of
  // its threads the first eight tokens of two channels each.
  constexpr uint kTaken = 32 / sizeof(T), kRun = 4 / sizeof(T);
  nvidia::take_every_threadgroup<1, kTaken>();
  if (group.y % kTaken != 0) return;
  if (s.width == 4 && size.y == 1) {
    const uint begin = at.x - in_group.x, half = max(size.x / 2, 1u);
    if (kRun == 2 && (s.channels | begin | size.x) % 2 == 0 && size.x <= s.channels - begin && (ulong(x) | ulong(w) | ulong(y)) % 4 == 0) {
      const uint token = at.y + in_group.x / half * kConvTokens;
      if (token < s.tokens) convolve_run<T, kRun>(x, w, state, y, s, at.z, begin + 2 * (in_group.x % half), token);
    } else {
      for (uint token = at.y; token < min(at.y + kTaken, s.tokens); token += kConvTokens) convolve_run<T, 1>(x, w, state, y, s, at.z, at.x, token);
    }
  } else {
    for (uint i = 0; i < kTaken && i * size.y < s.tokens - at.y; ++i) store(at.y + i * size.y, sum_at(at.y + i * size.y));
  }
  return;
#endif
  store(at.y, sum_at(at.y));
}

/// The state after these tokens: the last K - 1 elements of the state followed by the tokens.
///
/// buffer 0: x [S, T, C]; 1: old state [S, C, K - 1]; 2: new state [S, C, K - 1]; 3: u32 {C, T, S, K}
/// grid: threads (K - 1, C, S). The new state may be the old one if T >= K - 1, when nothing of the old one stays.
/// tolerance: exact
template <class T>
kernel void ssm_conv_state_update(device const T* x [[buffer(0)]],
                                  device const T* old_state [[buffer(1)]],
                                  device T* new_state [[buffer(2)]],
                                  constant ConvShape& shape [[buffer(3)]],
                                  uint3 at [[thread_position_in_grid]],
                                  uint3 group [[threadgroup_position_in_grid]],
                                  uint3 size [[threads_per_threadgroup]]) {
  const ConvShape s = shape;
  if (at.x + 1 >= s.width || at.y >= s.channels) return;
  for_plane<8>({at.z, group.z, size.z}, s.sequences,
               [&](uint sequence) { return past_and_present(x, old_state, s, sequence, at.y, s.tokens + at.x); },
               [&](uint sequence, T v) { new_state[(ulong(sequence) * s.channels + at.y) * (s.width - 1) + at.x] = v; });
}

#define INSTANTIATE(name, T) \
  template [[host_name("ssm_conv_forward_" name)]] kernel void ssm_conv_forward<T>( \
      device const T*, device const T*, device const T*, device T*, constant ConvShape&, uint3, uint3, uint3, uint3); \
  template [[host_name("ssm_conv_state_update_" name)]] kernel void ssm_conv_state_update<T>( \
      device const T*, device const T*, device T*, constant ConvShape&, uint3, uint3, uint3);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)
