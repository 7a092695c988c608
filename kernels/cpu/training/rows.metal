#include <metal_stdlib>
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: rms_norm_backward_dw_f32 embedding_scatter_add_f32 outer_product_f32

constant constexpr uint kSumColumns = 256;  // of a row, sums that fit into registers

// The sums over all rows of dy * x * r for N runs of 16 columns from c on.
template <uint N>
void column_sums(uint c, uint dim, uint rows, device const float* x, device const float* dy, device const float* r,
                 device float* dw) {
  WideF sums[N] = {};
  for (uint b = 0; b < rows; ++b) {
    const ulong at = ulong(b) * dim + c;
    const float inverse = r[b];
    for (uint n = 0; n < N; ++n) sums[n] += Wide::load(dy + at + 16 * n) * (Wide::load(x + at + 16 * n) * inverse);
  }
  for (uint n = 0; n < N; ++n) Wide::store(dw + c + 16 * n, sums[n]);
}

constant constexpr uint kMostRuns = 32;  // of 16 columns, whose sums stay in the nearest cache

// The same for `runs` runs of 16 columns, where registers do not hold the sums of enough columns to read rows in long pieces.
inline void column_sums(uint c, uint runs, uint dim, uint rows, device const float* x, device const float* dy, device const float* r,
                        device float* dw) {
  WideF sums[kMostRuns] = {};
  for (uint b = 0; b < rows; ++b) {
    const ulong at = ulong(b) * dim + c;
    const float inverse = r[b];
#pragma clang loop unroll_count(2)
    for (uint n = 0; n < runs; ++n) {
      __builtin_prefetch(dy + at + dim + 16 * n);
      __builtin_prefetch(x + at + dim + 16 * n);
      sums[n] += Wide::load(dy + at + 16 * n) * (Wide::load(x + at + 16 * n) * inverse);
    }
  }
  for (uint n = 0; n < runs; ++n) Wide::store(dw + c + 16 * n, sums[n]);
}

/// training/row_gradients.metal for a core: the first threadgroups take 256 or 512 columns each, the others nothing.
kernel void rms_norm_backward_dw_f32(device const float* x [[buffer(0)]],
                                     device const float* dy [[buffer(1)]],
                                     device const float* r [[buffer(2)]],
                                     device float* dw [[buffer(3)]],
                                     constant float* params [[buffer(4)]],
                                     threadgroup float* scratch [[threadgroup(0)]],
                                     uint group [[threadgroup_position_in_grid]]) {
  const uint dim = uint(params[0]), rows = uint(params[1]);
  const bool is_narrow = __msl_vector_bits() < 512;
  const uint columns = is_narrow ? 16 * kMostRuns : kSumColumns;
  if (ulong(group) * columns >= dim) return;
  const uint begin = group * columns, end = min(begin + columns, dim);
  uint c = begin;
  if (is_narrow) {
    const uint runs = (end - c) / 16;
    column_sums(c, runs, dim, rows, x, dy, r, dw);
    c += 16 * runs;
  }
  if (end - c == kSumColumns) return column_sums<kSumColumns / 16>(c, dim, rows, x, dy, r, dw);
  for (; c + 16 <= end; c += 16) column_sums<1>(c, dim, rows, x, dy, r, dw);
  for (; c < end; ++c) {
    float sum = 0.0f;
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint b = 0; b < rows; ++b) sum += dy[ulong(b) * dim + c] * x[ulong(b) * dim + c] * r[b];
    dw[c] = sum;
  }
}

struct ScatterShape {
  uint vocab, hidden, batch;
};

/// training/indexed_rows.metal for a core: the first threadgroups of an axis take whole rows of the table, the others
/// nothing; all ids are looked through once for them.
kernel void embedding_scatter_add_f32(device const float* dy [[buffer(0)]],
                                      device const uint* ids [[buffer(1)]],
                                      device float* dtable [[buffer(2)]],
                                      constant ScatterShape& shape [[buffer(3)]],
                                      uint2 group [[threadgroup_position_in_grid]],
                                      uint2 size [[dispatch_threads_per_threadgroup]]) {
#pragma METAL fp math_mode(safe)
  const ScatterShape s = shape;
  if (group.x != 0) return;
  const uint first = min(group.y * size.y, s.vocab), last = min(first + size.y, s.vocab);
  for (ulong i = ulong(first) * s.hidden; i < ulong(last) * s.hidden; ++i) dtable[i] = 0.0f;
  for (uint b = 0; b < s.batch; b += 16) {
    const uint end = min(b + 16, s.batch);
    // Few ids are these rows': 16 of them are looked through at once.
    uint found = 0;
    if (end - b == 16) {
      for (uint j = 0; j < 16; ++j) found |= ids[b + j] - first < last - first ? 1 : 0;
    } else {
      found = 1;
    }
    if (found == 0) continue;
    for (uint i = b; i < end; ++i) {
      if (ids[i] - first >= last - first) continue;
      device float* row = dtable + ulong(ids[i]) * s.hidden;
      device const float* from = dy + ulong(i) * s.hidden;
      for (uint h = 0; h < s.hidden; ++h) row[h] += from[h];
    }
  }
}

struct OuterShape {
  uint rows, columns;
};

/// training/outer_product.metal for a core: the first threadgroups of an axis take whole rows, the others nothing.
kernel void outer_product_f32(device const float* lhs [[buffer(0)]],
                              device const float* rhs [[buffer(1)]],
                              device float* y [[buffer(2)]],
                              constant OuterShape& shape [[buffer(3)]],
                              uint2 group [[threadgroup_position_in_grid]],
                              uint2 size [[dispatch_threads_per_threadgroup]]) {
  const OuterShape s = shape;
  if (group.y != 0) return;
  const uint first = min(group.x * size.x, s.rows), last = min(first + size.x, s.rows);
  for (uint i = first; i < last; ++i) {
    device float* row = y + ulong(i) * s.columns;
    const float factor = lhs[i];
    for (uint j = 0; j < s.columns; ++j) row[j] = factor * rhs[j];
  }
}
