#include <metal_stdlib>
#include "common/runs.h"
#include "common/shares.h"
#include "common/turned_grid.h"
#if ANYMETAL_NVIDIA
#include "nvidia/own_rows.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: outer_product_f32 outer_product_backward_lhs_f32 outer_product_backward_rhs_f32

struct OuterShape {
  uint rows, columns;
};

template <uint N>
struct ProductRun {
  static void run(uint first, float lhs, device const float* rhs, device float* row) {
    for (uint j = first; j < first + N; ++j) row[j] = lhs * rhs[j];
  }
};

/// y[i, j] = lhs[i] * rhs[j]. A thread does 16 columns, on NVIDIA GPUs four of four rows.
///
/// buffer 0: lhs [N]; 1: rhs [M]; 2: y [N, M]; 3: u32 {N, M}
/// grid: threads (N, M), x = i. tolerance: exact
kernel void outer_product_f32(device const float* lhs [[buffer(0)]],
                              device const float* rhs [[buffer(1)]],
                              device float* y [[buffer(2)]],
                              constant OuterShape& shape [[buffer(3)]],
                              uint2 at [[thread_position_in_grid]],
                              uint2 in_group [[thread_position_in_threadgroup]],
                              uint2 size [[threads_per_threadgroup]],
                              uint2 group [[threadgroup_position_in_grid]]) {
#if ANYMETAL_NVIDIA
  // A threadgroup does the rows and columns of four by four.
  nvidia::take_every_threadgroup<4, 4>();
  if (group.x % 4 != 0 || group.y % 4 != 0) return;
  const uint2 first = turned(at, in_group, size);
  float left[4], right[4];
#pragma unroll
  for (uint i = 0; i < 4; ++i) {
    left[i] = lhs[min(first.x + i * size.x, shape.rows - 1)];
    right[i] = rhs[min(first.y + i * size.y, shape.columns - 1)];
  }
#pragma unroll
  for (uint i = 0; i < 16; ++i) {
    const uint2 place = first + uint2(i / 4, i % 4) * size;
    if (place.x < shape.rows && place.y < shape.columns) y[ulong(place.x) * shape.columns + place.y] = left[i / 4] * right[i % 4];
  }
  return;
#endif
  if (has_no_run(at.y, in_group.y, shape.columns) || at.x >= shape.rows) return;
  do_run<ProductRun>(at.y, shape.columns, lhs[at.x], rhs, y + ulong(at.x) * shape.columns);
}

/// dlhs[i] = sum over j of dy[i, j] * rhs[j], j ascending.
///
/// buffer 0: dy [N, M]; 1: rhs [M]; 2: dlhs [N]; 3: u32 {N, M}
/// grid: threads (N). tolerance: 1e-5 max(1, |dlhs|)
kernel void outer_product_backward_lhs_f32(device const float* dy [[buffer(0)]],
                                           device const float* rhs [[buffer(1)]],
                                           device float* dlhs [[buffer(2)]],
                                           constant OuterShape& shape [[buffer(3)]],
                                           uint i [[thread_position_in_grid]],
                                           uint lane [[thread_index_in_simdgroup]],
                                           uint size [[threads_per_threadgroup]]) {
  const uint columns = shape.columns;
#if ANYMETAL_NVIDIA
  if (has_own_rows(i, shape.rows, lane, size)) {
    const auto factors = [&](uint r) { return OwnRowFactors{dy + ulong(i - lane + r) * columns, rhs}; };
    const bool aligned = columns % 4 == 0 && (((ulong)dy | (ulong)rhs) & 15) == 0;
    dlhs[i] = aligned ? own_row_sum<true>(columns, lane, factors) : own_row_sum<false>(columns, lane, factors);
    return;
  }
#endif
  if (i >= shape.rows) return;
  float sum = 0.0f;
  for (uint j = 0; j < columns; ++j) sum += dy[ulong(i) * columns + j] * rhs[j];
  dlhs[i] = sum;
}

/// drhs[j] = sum over i of dy[i, j] * lhs[i], i ascending.
///
/// buffer 0: dy [N, M]; 1: lhs [N]; 2: drhs [M]; 3: u32 {N, M}
/// grid: threads (M). tolerance: 1e-5 max(1, |drhs|)
kernel void outer_product_backward_rhs_f32(device const float* dy [[buffer(0)]],
                                           device const float* lhs [[buffer(1)]],
                                           device float* drhs [[buffer(2)]],
                                           constant OuterShape& shape [[buffer(3)]],
                                           uint j [[thread_position_in_grid]]) {
  const uint rows = shape.rows, columns = shape.columns;
  if (j >= columns) return;
  drhs[j] = sum_in_order<32>(rows, [&](uint i) { return float2(dy[ulong(i) * columns + j], lhs[i]); }, [](uint, float2 v) { return v.x * v.y; });
}
