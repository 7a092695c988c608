#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: argmax_f32

/// sampling/argmax.metal for a core that takes the whole row: the largest element of 1,024 at a time first, and where it stands only
/// in the run that has it.
kernel void argmax_f32(device const float* x [[buffer(0)]],
                       device uint* out_index [[buffer(1)]],
                       device float* out_value [[buffer(2)]],
                       constant uint& n [[buffer(3)]],
                       threadgroup float* values [[threadgroup(0)]],
                       threadgroup uint* indices [[threadgroup(1)]]) {
  constexpr uint kColumns = 8, kRun = 1024;
  float best = -INFINITY;
  uint place = 0;
  const uint whole = n / kRun * kRun;
  for (uint begin = 0; begin < whole; begin += kRun) {
    WideF largest[kColumns];
    for (uint c = 0; c < kColumns; ++c) largest[c] = -INFINITY;
    for (uint i = begin; i < begin + kRun; i += 16 * kColumns) {
#pragma unroll
      for (uint c = 0; c < kColumns; ++c) largest[c] = wide_max(largest[c], Wide::load(x + i + 16 * c));
    }
    for (uint step = kColumns / 2; step > 0; step /= 2) {
#pragma unroll
      for (uint c = 0; c < step; ++c) largest[c] = wide_max(largest[c], largest[c + step]);
    }
    const float highest = wide_highest(largest[0]);
    if (highest > best) best = highest, place = begin;
  }
  if (best > -INFINITY) {
    while (x[place] != best) ++place;
  }
  for (uint i = whole; i < n; ++i) {
    if (x[i] > best) best = x[i], place = i;
  }
  out_index[0] = place;
  out_value[0] = best > -INFINITY ? x[place] : -INFINITY;
}
