#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: row_sum_f32 rms_norm_compute_rms_inv_f32 outer_product_backward_rhs_f32

/// training/row_gradients.metal for a core that takes the whole row of a threadgroup.
kernel void row_sum_f32(device const float* x [[buffer(0)]],
                        device float* y [[buffer(1)]],
                        constant float* params [[buffer(2)]],
                        threadgroup float* scratch [[threadgroup(0)]],
                        uint row [[threadgroup_position_in_grid]]) {
  const uint columns = uint(params[0]);
  x += ulong(row) * columns;
  float sum = 0.0f;
  for (uint i = 0; i < columns; ++i) sum += x[i];
  y[row] = sum;
}

/// training/row_gradients.metal for a core that takes the whole row of a threadgroup.
kernel void rms_norm_compute_rms_inv_f32(device const float* x [[buffer(0)]],
                                         device float* r [[buffer(1)]],
                                         constant float* params [[buffer(2)]],
                                         threadgroup float* scratch [[threadgroup(0)]],
                                         uint row [[threadgroup_position_in_grid]]) {
  const uint dim = uint(params[1]);
  x += ulong(row) * dim;
  float squares = 0.0f;
  for (uint i = 0; i < dim; ++i) squares += x[i] * x[i];
  r[row] = precise::rsqrt(squares / float(dim) + params[0]);
}

struct OuterShape {
  uint rows, columns;
};

constant constexpr uint kSumColumns = 256;  // of a row, sums that fit into registers

// The sums over the rows of N runs of 16 columns from j on.
template <uint N>
void sum_columns(uint j, OuterShape s, device const float* dy, device const float* lhs, device float* drhs) {
  WideF sums[N] = {};
  for (uint i = 0; i < s.rows; ++i) {
    device const float* row = dy + ulong(i) * s.columns + j;
    for (uint n = 0; n < N; ++n) sums[n] += Wide::load(row + 16 * n) * lhs[i];
  }
  for (uint n = 0; n < N; ++n) Wide::store(drhs + j + 16 * n, sums[n]);
}

/// training/outer_product.metal for a core: the first threadgroups take 256 columns each, the others nothing.
kernel void outer_product_backward_rhs_f32(device const float* dy [[buffer(0)]],
                                           device const float* lhs [[buffer(1)]],
                                           device float* drhs [[buffer(2)]],
                                           constant OuterShape& shape [[buffer(3)]],
                                           uint group [[threadgroup_position_in_grid]],
                                           uint size [[dispatch_threads_per_threadgroup]]) {
  const OuterShape s = shape;
  // Where threadgroups are larger, there are too few of them for that.
  const uint share = max(kSumColumns, size);
  const uint begin = uint(min(ulong(group) * share, ulong(s.columns))), end = min(begin + share, s.columns);
  uint j = begin;
  for (; j + kSumColumns <= end; j += kSumColumns) sum_columns<kSumColumns / 16>(j, s, dy, lhs, drhs);
  for (; j + 16 <= end; j += 16) sum_columns<1>(j, s, dy, lhs, drhs);
  for (; j < end; ++j) {
    float sum = 0.0f;
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint i = 0; i < s.rows; ++i) sum += dy[ulong(i) * s.columns + j] * lhs[i];
    drhs[j] = sum;
  }
}
