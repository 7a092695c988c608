#include <metal_stdlib>
#include "cpu/copy.h"
using namespace metal;
using namespace anymetal;

// kernels: qkv_split_f32 repeat_tiled_f32

struct QkvSplitParams {
  uint tokens;
  uint q_width;
  uint k_width;
  uint v_width;
  uint width;
};
static_assert(sizeof(QkvSplitParams) == 20, "the layout is part of the kernel's contract");

// Columns begin .. end - 1 of a row, of which those from `first` on, `width` of them, go to `to`.
inline void copy_columns(device const float* row, device float* to, ulong first, ulong width, ulong begin, ulong end) {
  const ulong from = max(begin, first), until = min(end, first + width);
  if (from < until) copy_run(to + (from - first), row + from, until - from);
}

/// movement/heads.metal for a core that copies all columns of a threadgroup.
kernel void qkv_split_f32(device const float* qkv [[buffer(0)]],
                          device float* q [[buffer(1)]],
                          device float* k [[buffer(2)]],
                          device float* v [[buffer(3)]],
                          constant QkvSplitParams& p [[buffer(4)]],
                          uint2 group [[threadgroup_position_in_grid]],
                          uint2 size [[dispatch_threads_per_threadgroup]]) {
  const ulong begin = ulong(group.x) * size.x, end = min(begin + size.x, ulong(p.width));
  const ulong last = min((ulong(group.y) + 1) * size.y, ulong(p.tokens));
  for (ulong t = ulong(group.y) * size.y; t < last; ++t) {
    device const float* row = qkv + t * p.width;
    copy_columns(row, q + t * p.q_width, 0, p.q_width, begin, end);
    copy_columns(row, k + t * p.k_width, p.q_width, p.k_width, begin, end);
    copy_columns(row, v + t * p.v_width, ulong(p.q_width) + p.k_width, p.v_width, begin, end);
  }
}

struct RepeatTiledParams {
  uint tokens;
  uint source_heads;
  uint heads;
  uint width;
};
static_assert(sizeof(RepeatTiledParams) == 16, "the layout is part of the kernel's contract");

/// movement/heads.metal for a core that copies all elements of a threadgroup.
kernel void repeat_tiled_f32(device const float* x [[buffer(0)]],
                             device float* y [[buffer(1)]],
                             constant RepeatTiledParams& p [[buffer(2)]],
                             uint3 group [[threadgroup_position_in_grid]],
                             uint3 size [[dispatch_threads_per_threadgroup]]) {
  const ulong3 begin = ulong3(group) * ulong3(size), end = min(begin + ulong3(size), ulong3(p.width, p.heads, p.tokens));
  if (begin.x >= end.x) return;
  for (ulong t = begin.z; t < end.z; ++t) {
    for (ulong h = begin.y; h < end.y; ++h) {
      const ulong source = t * p.source_heads + uint(h) % p.source_heads;
      copy_run(y + (t * p.heads + h) * p.width + begin.x, x + source * p.width + begin.x, end.x - begin.x);
    }
  }
}
