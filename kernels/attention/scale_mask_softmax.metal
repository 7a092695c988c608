#include <metal_stdlib>
#include "common/softmax.h"
using namespace metal;
using namespace anymetal;

struct ScaleMaskParams {
  uint columns;
  uint queries;
  float scale;
  uint pad;
};
static_assert(sizeof(ScaleMaskParams) == 16, "the layout is part of the kernel's contract");

/// y = softmax(x * scale + mask) per row. Row r = head * queries + query takes row r mod queries of the mask. A row of which
/// the mask leaves nothing gives zeros.
///
/// buffer 0: x f32 [R, C]; 1: y f32 [R, C]; 2: mask bf16 [queries, C]; 3: ScaleMaskParams; threadgroup 0: one float per
/// simdgroup
/// grid: threadgroups (R), any threadgroup size. y may be x. tolerance: 1e-5
kernel void scale_mask_softmax_f32(device const float* x [[buffer(0)]],
                                   device float* y [[buffer(1)]],
                                   device const bfloat* mask [[buffer(2)]],
                                   constant ScaleMaskParams& p [[buffer(3)]],
                                   threadgroup float* scratch [[threadgroup(0)]],
                                   uint row [[threadgroup_position_in_grid]],
                                   uint index [[thread_index_in_threadgroup]],
                                   uint size [[threads_per_threadgroup]],
                                   uint lane [[thread_index_in_simdgroup]],
                                   uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const ulong base = ulong(row) * p.columns, mask_base = ulong(row % p.queries) * p.columns;
  const float factor = p.scale;
  // An element is read and written by one thread only: y may be x.
  softmax_row(p.columns, scratch, {index, size, lane, simdgroup}, [=](uint i) { return x[base + i] * factor + float(mask[mask_base + i]); },
              [=](uint i, float v, float top) { y[base + i] = top == -INFINITY ? 0.0f : v; });
}
