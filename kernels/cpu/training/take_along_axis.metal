#include <metal_stdlib>
#include "cpu/share.h"
using namespace metal;
using namespace anymetal;

// kernels: take_along_axis_f32 take_along_axis_backward_f32

struct TakeShape {
  uint rows, columns, k;
};

/// training/indexed_rows.metal for a core that takes whole rows.
kernel void take_along_axis_f32(device const float* x [[buffer(0)]],
                                device const uint* index [[buffer(1)]],
                                device float* y [[buffer(2)]],
                                constant TakeShape& shape [[buffer(3)]],
                                uint2 group [[threadgroup_position_in_grid]],
                                uint2 size [[dispatch_threads_per_threadgroup]]) {
  if (group.y != 0) return;
  const TakeShape s = shape;
  const uint2 rows = share_of(group.x, size.x, s.rows, size.x);
  for (uint row = rows.x; row < rows.y; ++row) {
    device const float* from = x + ulong(row) * s.columns;
    const ulong place = ulong(row) * s.k;
#pragma clang loop vectorize(disable)
    for (uint j = 0; j < s.k; ++j) {
      const uint column = index[place + j];
      y[place + j] = column < s.columns ? from[column] : 0.0f;
    }
  }
}

/// training/indexed_rows.metal for a core that takes whole rows: places are cleared, then added to in their order.
kernel void take_along_axis_backward_f32(device const float* dy [[buffer(0)]],
                                         device const uint* index [[buffer(1)]],
                                         device float* dx [[buffer(2)]],
                                         constant TakeShape& shape [[buffer(3)]],
                                         uint2 group [[threadgroup_position_in_grid]],
                                         uint2 size [[dispatch_threads_per_threadgroup]]) {
  if (group.y != 0) return;
  const TakeShape s = shape;
  const uint2 rows = share_of(group.x, size.x, s.rows, size.x);
  for (uint row = rows.x; row < rows.y; ++row) {
    device float* to = dx + ulong(row) * s.columns;
    const ulong place = ulong(row) * s.k;
#pragma clang loop vectorize(disable)
    for (uint j = 0; j < s.k; ++j) {
      if (index[place + j] < s.columns) to[index[place + j]] = 0.0f;
    }
#pragma clang loop vectorize(disable)
    for (uint j = 0; j < s.k; ++j) {
      if (index[place + j] < s.columns) to[index[place + j]] += dy[place + j];
    }
  }
}
