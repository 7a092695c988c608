#include <metal_stdlib>
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

struct QkvSplitParams {
  uint tokens;
  uint q_width;
  uint k_width;
  uint v_width;
  uint width;
};
static_assert(sizeof(QkvSplitParams) == 20, "the layout is part of the kernel's contract");

/// Parts each row of qkv into its queries, keys and values.
///
/// buffer 0: qkv [S, width = q_width + k_width + v_width]; 1: q [S, q_width]; 2: k [S, k_width]; 3: v [S, v_width];
/// 4: QkvSplitParams
/// grid: threads (width, S). tolerance: exact
kernel void qkv_split_f32(device const float* qkv [[buffer(0)]],
                          device float* q [[buffer(1)]],
                          device float* k [[buffer(2)]],
                          device float* v [[buffer(3)]],
                          constant QkvSplitParams& p [[buffer(4)]],
                          uint2 at [[thread_position_in_grid]],
                          uint2 group [[threadgroup_position_in_grid]],
                          uint2 size [[threads_per_threadgroup]]) {
  if (at.x >= p.width) return;
  const auto store = [&](uint t, float value) {
    uint column = at.x;
    if (column < p.q_width) {
      q[ulong(t) * p.q_width + column] = value;
      return;
    }
    column -= p.q_width;
    if (column < p.k_width) {
      k[ulong(t) * p.k_width + column] = value;
      return;
    }
    column -= p.k_width;
    if (column < p.v_width) v[ulong(t) * p.v_width + column] = value;
  };
  for_row<4>({at.y, group.y, size.y}, p.tokens, [&](uint t) { return qkv[ulong(t) * p.width + at.x]; }, store);
}

struct RepeatTiledParams {
  uint tokens;
  uint source_heads;
  uint heads;
  uint width;
};
static_assert(sizeof(RepeatTiledParams) == 16, "the layout is part of the kernel's contract");

/// y[t, h, i] = x[t, h mod Hg, i]: the heads of x in turn, over and over.
///
/// buffer 0: x [T, Hg, K]; 1: y [T, H, K]; 2: RepeatTiledParams
/// grid: threads (K, H, T). tolerance: exact
kernel void repeat_tiled_f32(device const float* x [[buffer(0)]],
                             device float* y [[buffer(1)]],
                             constant RepeatTiledParams& p [[buffer(2)]],
                             uint3 at [[thread_position_in_grid]],
                             uint3 group [[threadgroup_position_in_grid]],
                             uint3 size [[threads_per_threadgroup]]) {
  if (at.x >= p.width || at.y >= p.heads) return;
  const uint source = at.y % p.source_heads;
  for_plane<8>({at.z, group.z, size.z}, p.tokens, [&](uint t) { return x[(ulong(t) * p.source_heads + source) * p.width + at.x]; },
               [&](uint t, float v) { y[(ulong(t) * p.heads + at.y) * p.width + at.x] = v; });
}
