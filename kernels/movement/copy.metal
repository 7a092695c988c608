#include <metal_stdlib>
#include "common/elements.h"
using namespace metal;
using namespace anymetal;

// kernels: strided_copy_f32 offset_copy_f32 gather_f32 zero_buffer

struct StridedCopyParams {
  uint rows, cols, row_stride, column_stride;  // strides in elements
};

/// out[r, c] = x[r * row_stride + c * column_stride].
///
/// buffer 0: x; 1: out [rows, cols]; 2: StridedCopyParams
/// grid: threads (cols, rows). tolerance: exact
kernel void strided_copy_f32(device const float* x [[buffer(0)]],
                             device float* out [[buffer(1)]],
                             constant StridedCopyParams& p [[buffer(2)]],
                             uint2 at [[thread_position_in_grid]],
                             uint2 group [[threadgroup_position_in_grid]],
                             uint2 size [[threads_per_threadgroup]]) {
  if (at.x >= p.cols) return;
  for_row<4>({at.y, group.y, size.y}, p.rows, [&](uint r) { return x[ulong(r) * p.row_stride + ulong(at.x) * p.column_stride]; },
             [&](uint r, float v) { out[ulong(r) * p.cols + at.x] = v; });
}

struct OffsetCopyParams {
  uint source, destination, count;  // in elements
};

/// out[destination + i] = x[source + i].
///
/// buffer 0: x; 1: out; 2: OffsetCopyParams
/// grid: threads (count). tolerance: exact
kernel void offset_copy_f32(device const float* x [[buffer(0)]],
                            device float* out [[buffer(1)]],
                            constant OffsetCopyParams& p [[buffer(2)]],
                            uint i [[thread_position_in_grid]],
                            uint group [[threadgroup_position_in_grid]],
                            uint size [[threads_per_threadgroup]]) {
  for_element<float>({i, group, size}, p.count, [&](uint e) { return x[ulong(p.source) + e]; }, [&](uint e, float v) { out[ulong(p.destination) + e] = v; });
}

struct GatherParams {
  uint width, count, rows;
};

/// out[i, :] = x[min(index[i], rows - 1), :].
///
/// buffer 0: x [rows, width]; 1: index u32 [count]; 2: out [count, width]; 3: GatherParams
/// grid: threads (width, count). tolerance: exact
kernel void gather_f32(device const float* x [[buffer(0)]],
                       constant uint* index [[buffer(1)]],
                       device float* out [[buffer(2)]],
                       constant GatherParams& p [[buffer(3)]],
                       uint2 at [[thread_position_in_grid]],
                       uint2 group [[threadgroup_position_in_grid]],
                       uint2 size [[threads_per_threadgroup]]) {
  if (at.x >= p.width) return;
  for_row<4>({at.y, group.y, size.y}, p.count, [&](uint i) { return x[ulong(min(index[i], p.rows - 1)) * p.width + at.x]; },
             [&](uint i, float v) { out[ulong(i) * p.width + at.x] = v; });
}

/// out = 0.
///
/// buffer 0: out [n]; 1: u32 n
/// grid: threads (n). tolerance: exact
kernel void zero_buffer(device float* out [[buffer(0)]],
                        constant uint& n [[buffer(1)]],
                        uint i [[thread_position_in_grid]],
                        uint group [[threadgroup_position_in_grid]],
                        uint size [[threads_per_threadgroup]]) {
  for_element<float>({i, group, size}, n, [&](uint e) { return 0.0f; }, [&](uint e, float v) { out[e] = v; });
}
