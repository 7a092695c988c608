#include <metal_stdlib>
using namespace metal;

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
                          uint2 at [[thread_position_in_grid]]) {
  if (at.x >= p.width || at.y >= p.tokens) return;
  const float value = qkv[ulong(at.y) * p.width + at.x];
  uint column = at.x;
  if (column < p.q_width) {
    q[ulong(at.y) * p.q_width + column] = value;
    return;
  }
  column -= p.q_width;
  if (column < p.k_width) {
    k[ulong(at.y) * p.k_width + column] = value;
    return;
  }
  column -= p.k_width;
  if (column < p.v_width) v[ulong(at.y) * p.v_width + column] = value;
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
                             uint3 at [[thread_position_in_grid]]) {
  if (at.x >= p.width || at.y >= p.heads || at.z >= p.tokens) return;
  const ulong source = ulong(at.z) * p.source_heads + at.y % p.source_heads;
  y[(ulong(at.z) * p.heads + at.y) * p.width + at.x] = x[source * p.width + at.x];
}
