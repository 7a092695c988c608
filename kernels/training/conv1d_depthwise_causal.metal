#include <metal_stdlib>
#include "common/runs.h"
#include "common/shares.h"
#include "common/turned_grid.h"
#if ANYMETAL_NVIDIA
#include "nvidia/tap_sums.h"
#endif
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

// What a thread of the grid (T, C) does: a token, and a run of 16 channels or none. On NVIDIA GPUs one channel, neighbours in
// the threadgroup's rows, so that a simdgroup's loads lie side by side.
struct Place {
  uint token, channels, channel;

#if ANYMETAL_NVIDIA
  Place(uint2 at, uint2 in_group, uint2 size, ConvShape s) {
    const uint2 place = turned(at, in_group, size);
    token = place.x;
    channel = place.y;
    channels = token < s.tokens && channel < s.channels ? 1 : 0;
  }
  void sum(ConvShape s, device const float* x, long step, device const float* w, uint first_tap, device float* y) const {
    TapSums<1>::run(channel, s, x, step, w, first_tap, y);
  }
#else
  Place(uint2 at, uint2 in_group, uint2, ConvShape s)
      : token(at.x), channels(has_no_run(at.y, in_group.y, s.channels) || at.x >= s.tokens ? 0 : kRun), channel(at.y) {}
  void sum(ConvShape s, device const float* x, long step, device const float* w, uint first_tap, device float* y) const {
    do_run<TapSums>(channel, s.channels, s, x, step, w, first_tap, y);
  }
#endif
};

// use(place) for what a thread does; on NVIDIA GPUs in each of the threadgroups whose work its own does.
template <class Use>
void for_place(uint2 at, uint2 in_group, uint2 size, ConvShape s, Use use) {
#if ANYMETAL_NVIDIA
  for (uint g = 0; g < kTokenGroups * kChannelGroups; ++g) {
    const Place place(at + uint2(g % kTokenGroups, g / kTokenGroups) * size, in_group, size, s);
    if (place.channels != 0) use(place);
  }
#else
  const Place place(at, in_group, size, s);
  if (place.channels != 0) use(place);
#endif
}

/// y[t, c] = sum over k of w[c, k] * x[t + k - (K - 1), c], terms before the first token being 0. A thread does 16 channels.
///
/// buffer 0: x [T, C]; 1: w [C, K]; 2: y [T, C]; 3: u32 {T, C, K}
/// grid: threads (T, C), x = token. tolerance: 1e-5 max(1, |y|)
kernel void conv1d_depthwise_causal_forward_f32(device const float* x [[buffer(0)]],
                                                device const float* w [[buffer(1)]],
                                                device float* y [[buffer(2)]],
                                                constant ConvShape& shape [[buffer(3)]],
                                                uint2 at [[thread_position_in_grid]],
                                                uint2 in_group [[thread_position_in_threadgroup]],
                                                uint2 size [[threads_per_threadgroup]],
                                                uint2 group [[threadgroup_position_in_grid]]) {
  const ConvShape s = shape;
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<kTokenGroups, kChannelGroups>();
  if (group.x % kTokenGroups != 0 || group.y % kChannelGroups != 0) return;
  if (s.width == 4 && size.x % 2 == 0) {
    const RunOfTokens run(at, in_group, size, s.tokens, s.channels);
    four_taps(run, x, w, y, s.tokens, s.channels, -3, false);
    return;
  }
#endif
  for_place(at, in_group, size, s, [&](Place place) {
    const uint t = place.token;
    const uint missing = s.width - 1 - min(t, s.width - 1);
    const long first = long(t) - long(s.width - 1);  // the token that tap 0 meets
    place.sum(s, x + first * long(s.channels), long(s.channels), w, missing, y + ulong(t) * s.channels);
  });
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
                                                    uint2 in_group [[thread_position_in_threadgroup]],
                                                    uint2 size [[threads_per_threadgroup]],
                                                    uint2 group [[threadgroup_position_in_grid]]) {
  const ConvShape s = shape;
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<kTokenGroups, kChannelGroups>();
  if (group.x % kTokenGroups != 0 || group.y % kChannelGroups != 0) return;
  if (s.width == 4 && size.x % 2 == 0) {
    const RunOfTokens run(at, in_group, size, s.tokens, s.channels);
    four_taps(run, dy, w, dx, s.tokens, s.channels, 0, true);
    return;
  }
#endif
  for_place(at, in_group, size, s, [&](Place place) {
    const uint i = place.token, past = i + s.width > s.tokens ? i + s.width - s.tokens : 0;
    place.sum(s, dy + ulong(i + s.width - 1) * s.channels, -long(s.channels), w, past, dx + ulong(i) * s.channels);
  });
}

/// dw[c, k] = sum over i of x[i, c] * dy[i + K - 1 - k, c], i ascending; 0 where no token is that far back.
///
/// buffer 0: x [T, C]; 1: dy [T, C]; 2: dw [C, K]; 3: u32 {T, C, K}
/// grid: threads (C, K), x = channel. tolerance: 1e-4 max(1, |dw|)
kernel void conv1d_depthwise_causal_backward_dw_f32(device const float* x [[buffer(0)]],
                                                    device const float* dy [[buffer(1)]],
                                                    device float* dw [[buffer(2)]],
                                                    constant ConvShape& shape [[buffer(3)]],
                                                    uint2 at [[thread_position_in_grid]],
                                                    uint2 in_group [[thread_position_in_threadgroup]],
                                                    uint2 size [[threads_per_threadgroup]]) {
  const ConvShape s = shape;
  const uint c = at.x, k = at.y;
#if ANYMETAL_NVIDIA
  threadgroup float parts[kTapThreads * 4];
  if (s.width == 4 && size.y == 4 && size.x % 32 == 0 && size.x * 4 <= kTapThreads) {
    four_tap_gradients(x, dy, dw, s.tokens, s.channels, c, in_group, size.x, parts);
    return;
  }
#endif
  if (c >= s.channels || k >= s.width) return;
  const uint back = s.width - 1 - k;
  const auto load = [&](uint i) { return float2(x[ulong(i) * s.channels + c], dy[ulong(i + back) * s.channels + c]); };
  dw[ulong(c) * s.width + k] = sum_in_order<16>(s.tokens - min(back, s.tokens), load, [](uint, float2 v) { return v.x * v.y; });
}
