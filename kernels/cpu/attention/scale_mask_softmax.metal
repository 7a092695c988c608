#include <metal_stdlib>
#include "cpu/row_softmax.h"
using namespace metal;
using namespace anymetal;

struct ScaleMaskParams {
  uint columns;
  uint queries;
  float scale;
  uint pad;
};
static_assert(sizeof(ScaleMaskParams) == 16, "layout");

/// attention/scale_mask_softmax.metal for a core that takes a row: nothing depends on the thread.
kernel void scale_mask_softmax_f32(device const float* x [[buffer(0)]],
                                   device float* y [[buffer(1)]],
                                   device const bfloat* mask [[buffer(2)]],
                                   constant ScaleMaskParams& p [[buffer(3)]],
                                   threadgroup float* scratch [[threadgroup(0)]],
                                   uint row [[threadgroup_position_in_grid]]) {
  const uint columns = p.columns;
  const float scale = p.scale;
  x += ulong(row) * columns;
  y += ulong(row) * columns;
  mask += ulong(row % p.queries) * columns;
  const auto wide = [=](uint i) { return Wide::load(x + i) * scale + Wide::load(mask + i); };
  const auto one = [=](uint i) { return x[i] * scale + float(mask[i]); };
  if (store_softmax(y, columns, wide, one).top != -INFINITY) return;
  for (uint i = 0; i < columns; ++i) y[i] = 0.0f;  // the mask leaves nothing
}
