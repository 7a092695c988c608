// Depthwise convolutions of four taps over tokens, whose channels lie side by side, on NVIDIA GPUs.
#pragma once
#include <metal_stdlib>
#include "common/turned_grid.h"

namespace anymetal {

constant constexpr uint kTapThreads = 512;  // of a threadgroup that shares its tokens, at most

// Threadgroups of the grid (tokens, channels) whose work one of them does: four of tokens by two of channels.
constant constexpr uint kTokenGroups = 4, kChannelGroups = 2, kRunTokens = kTokenGroups * kChannelGroups;

// What a thread of such a threadgroup does: eight tokens of a channel. Threadgroups have an even number of tokens.
struct RunOfTokens {
  uint token, channel;
  bool there;

  RunOfTokens(metal::uint2 at, metal::uint2 in_group, metal::uint2 size, uint tokens, uint channels) {
    const uint index = in_group.y * size.x + in_group.x, width = kChannelGroups * size.y;
    token = at.x - in_group.x + index / width * kRunTokens;
    channel = at.y - in_group.y + index % width;
    there = token < tokens && channel < channels;
  }
};

// y[t, c] = sum over k of w[c, k] * x[t + k + first, c], or w[c, 3 - k] where `reversed`, k ascending, over the tokens that there are.
inline void four_taps(RunOfTokens run, device const float* x, device const float* w, device float* y, uint tokens, uint channels, int first,
                      bool reversed) {
  if (!run.there) return;
  constexpr uint kRow = kRunTokens + 3;
  float taps[4], row[kRow];
  for (uint k = 0; k < 4; ++k) taps[k] = w[ulong(run.channel) * 4 + (reversed ? 3 - k : k)];
  const long start = long(run.token) + first;
  const bool whole = start >= 0 && start + kRow <= long(tokens);
  const auto is_there = [&](uint i) { return whole || (start + i >= 0 && start + i < long(tokens)); };
  for (uint i = 0; i < kRow; ++i) row[i] = is_there(i) ? x[ulong(start + i) * channels + run.channel] : 0.0f;
  for (uint i = 0; i < kRunTokens; ++i) {
    float sum = 0.0f;
    for (uint k = 0; k < 4; ++k) {
      if (is_there(i + k)) sum += taps[k] * row[i + k];
    }
    if (run.token + i < tokens) y[ulong(run.token + i) * channels + run.channel] = sum;
  }
}

// dw[c, k] = sum over i of x[i, c] * dy[i + 3 - k, c], terms past the last token being 0. The four threads of a channel c share its
// tokens; `width` channels, a multiple of 32, in a threadgroup, `parts` as many floats as there are threads, four times. All threads must call.
inline void four_tap_gradients(device const float* x, device const float* dy, device float* dw, uint tokens, uint channels, uint c,
                               metal::uint2 in_group, uint width, threadgroup float* parts) {
  constexpr uint kAhead = 16;
  const uint share = ((tokens + 3) / 4 + kAhead - 1) / kAhead * kAhead;
  const uint begin = in_group.y * share, end = metal::min(tokens, begin + share);
  float sums[4] = {};
  if (begin < end) {
    const uint channel = metal::min(c, channels - 1);
    const auto at = [&](device const float* p, uint token) { return token < tokens ? p[ulong(token) * channels + channel] : 0.0f; };
    float gradients[kAhead + 3];  // of tokens i ..
    for (uint j = 0; j < 3; ++j) gradients[j] = at(dy, begin + j);
    const auto add = [&](thread const float* left, auto counts) {
      for (uint j = 0; j < kAhead; ++j) {
        for (uint k = 0; k < 4; ++k) {
          if (counts(j, k)) sums[k] += left[j] * gradients[j + 3 - k];
        }
      }
      for (uint j = 0; j < 3; ++j) gradients[j] = gradients[kAhead + j];
    };
    // Batches of tokens that all are there, the next one on its way while one is added.
    float left[2][kAhead], right[2][kAhead];
    const auto is_whole = [&](uint i) { return i + kAhead <= end && i + kAhead + 3 <= tokens; };
    const auto ask = [&](uint which, uint i) {
      for (uint j = 0; j < kAhead; ++j) {
        left[which][j] = x[ulong(i + j) * channels + channel];
        right[which][j] = dy[ulong(i + 3 + j) * channels + channel];
      }
      metal::simdgroup_barrier(metal::mem_flags::mem_none);  // else the first is used before the last is asked for
    };
    const auto add_whole = [&](uint which) {
      for (uint j = 0; j < kAhead; ++j) gradients[3 + j] = right[which][j];
      add(left[which], [](uint, uint) { return true; });
    };
    uint i = begin;
    if (is_whole(i)) {
      ask(0, i);
      for (; is_whole(i + 2 * kAhead); i += 2 * kAhead) {
        ask(1, i + kAhead);
        add_whole(0);
        ask(0, i + 2 * kAhead);
        add_whole(1);
      }
      add_whole(0);
      i += kAhead;
    }
    for (; i < end; i += kAhead) {
      for (uint j = 0; j < kAhead; ++j) {
        left[0][j] = i + j < end ? x[ulong(i + j) * channels + channel] : 0.0f;
        gradients[3 + j] = at(dy, i + 3 + j);
      }
      add(left[0], [&](uint j, uint k) { return i + j < end && i + j + 3 - k < tokens; });
    }
  }
  for (uint k = 0; k < 4; ++k) parts[(in_group.y * 4 + k) * width + in_group.x] = sums[k];
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  if (c >= channels) return;
  float sum = 0.0f;
  for (uint i = 0; i < 4; ++i) sum += parts[(i * 4 + in_group.y) * width + in_group.x];
  dw[ulong(c) * 4 + in_group.y] = sum;
}

}  // namespace anymetal
