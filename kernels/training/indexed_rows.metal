#include <metal_stdlib>
#include "common/elements.h"
#include "common/runs.h"
#include "common/turned_grid.h"
using namespace metal;
using namespace anymetal;

// kernels: take_along_axis_f32 take_along_axis_backward_f32 embedding_lookup_f32 embedding_scatter_add_f32
// kernels: slice_2d_cols_f32 copy_2d_cols_into_f32

struct TakeShape {
  uint rows, columns, k;
};

// What a thread of a grid (rows, k) does; on NVIDIA GPUs neighbours have neighbouring places of a row.
inline uint2 place_of(uint2 at, uint2 in_group, uint2 size) {
#if ANYMETAL_NVIDIA
  return turned(at, in_group, size);
#else
  return at;
#endif
}

/// y[r, j] = x[r, index[r, j]]; 0 where the index is past the row.
///
/// buffer 0: x [rows, cols]; 1: index u32 [rows, k]; 2: y [rows, k]; 3: u32 {rows, cols, k}
/// grid: threads (rows, k), x = row. tolerance: exact
kernel void take_along_axis_f32(device const float* x [[buffer(0)]],
                                device const uint* index [[buffer(1)]],
                                device float* y [[buffer(2)]],
                                constant TakeShape& shape [[buffer(3)]],
                                uint2 in_grid [[thread_position_in_grid]],
                                uint2 in_group [[thread_position_in_threadgroup]],
                                uint2 size [[threads_per_threadgroup]]) {
  const uint2 at = place_of(in_grid, in_group, size);
  const uint columns = shape.columns, k = shape.k;
  if (at.x >= shape.rows || at.y >= k) return;
  const ulong place = ulong(at.x) * k + at.y;
  const uint column = index[place];
  y[place] = column < columns ? x[ulong(at.x) * columns + column] : 0.0f;
}

/// dx[r, c] = sum over j with index[r, j] = c of dy[r, j]; columns without an index stay (the caller clears dx), indices
/// past the row are skipped. The thread at an index's first place in the row adds up all its places: repeated indices lose
/// nothing and need no atomics.
///
/// buffer 0: dy [rows, k]; 1: index u32 [rows, k]; 2: dx [rows, cols]; 3: u32 {rows, cols, k}
/// grid: threads (rows, k), x = row. tolerance: exact for distinct indices, else 1e-6 of the sum of absolute terms
kernel void take_along_axis_backward_f32(device const float* dy [[buffer(0)]],
                                         device const uint* index [[buffer(1)]],
                                         device float* dx [[buffer(2)]],
                                         constant TakeShape& shape [[buffer(3)]],
                                         uint2 in_grid [[thread_position_in_grid]],
                                         uint2 in_group [[thread_position_in_threadgroup]],
                                         uint2 size [[threads_per_threadgroup]]) {
  const uint2 at = place_of(in_grid, in_group, size);
  const uint columns = shape.columns, k = shape.k;
  if (at.x >= shape.rows || at.y >= k) return;
  const ulong row = ulong(at.x) * k;
  const uint column = index[row + at.y];
  if (column >= columns) return;
  float sum = 0.0f;
#if ANYMETAL_NVIDIA
  // All places, so that several are on their way at once.
  bool is_first = true;
#pragma clang loop unroll_count(8)
  for (uint j = 0; j < k; ++j) {
    const bool same = index[row + j] == column;
    is_first = is_first && !(same && j < at.y);
    if (same && j >= at.y) sum += dy[row + j];
  }
  if (!is_first) return;
#else
  for (uint j = 0; j < at.y; ++j) {
    if (index[row + j] == column) return;
  }
  for (uint j = at.y; j < k; ++j) {
    if (index[row + j] == column) sum += dy[row + j];
  }
#endif
  dx[ulong(at.x) * columns + column] = sum;
}

struct LookupShape {
  uint vocab, hidden;
};

/// y[b, h] = table[ids[b], h]; 0 where the id is past the table.
///
/// buffer 0: table [vocab, hidden]; 1: ids u32 [batch]; 2: y [batch, hidden]; 3: u32 {vocab, hidden}
/// grid: threads (hidden, batch): its height is the batch. tolerance: exact
kernel void embedding_lookup_f32(device const float* table [[buffer(0)]],
                                 constant uint* ids [[buffer(1)]],
                                 device float* y [[buffer(2)]],
                                 constant LookupShape& shape [[buffer(3)]],
                                 uint2 at [[thread_position_in_grid]],
                                 uint2 extent [[threads_per_grid]],
                                 uint2 group [[threadgroup_position_in_grid]],
                                 uint2 size [[threads_per_threadgroup]]) {
  const uint hidden = shape.hidden, vocab = shape.vocab;
  if (at.x >= hidden) return;
  const auto element = [&](uint b) {
    const uint id = ids[b];
    return id < vocab ? table[ulong(id) * hidden + at.x] : 0.0f;
  };
  for_row<4>({at.y, group.y, size.y}, extent.y, element, [&](uint b, float v) { y[ulong(b) * hidden + at.x] = v; });
}

struct ScatterShape {
  uint vocab, hidden, batch;
};

// The sums of N columns of the table's row `id` from h on.
template <uint N>
struct ScatterRun {
  static void run(uint h, ScatterShape s, uint id, device const float* dy, device const uint* ids, device float* row) {
#pragma METAL fp math_mode(safe)
    float sum[N] = {};
    // Few ids are this row's: whole runs of them are looked through at once.
    for (uint b = 0; b < s.batch; b += kRun) {
      const uint end = min(b + kRun, s.batch);
      uint found = 0;
      if (end - b == kRun) {
        for (uint j = 0; j < kRun; ++j) found |= ids[b + j] == id ? 1 : 0;
      } else {
        found = 1;
      }
      if (found == 0) continue;
      for (uint i = b; i < end; ++i) {
        if (ids[i] != id) continue;
        for (uint j = 0; j < N; ++j) sum[j] += dy[ulong(i) * s.hidden + h + j];
      }
    }
    for (uint j = 0; j < N; ++j) row[h + j] = sum[j];
  }
};

/// dtable[v, h] = sum over b with ids[b] = v of dy[b, h], b ascending: every cell is overwritten, unused rows become 0. A
/// thread does 16 columns.
///
/// buffer 0: dy [batch, hidden]; 1: ids u32 [batch]; 2: dtable [vocab, hidden]; 3: u32 {vocab, hidden, batch}
/// grid: threads (hidden, vocab). tolerance: exact, as a serial sum in f32
kernel void embedding_scatter_add_f32(device const float* dy [[buffer(0)]],
                                      device const uint* ids [[buffer(1)]],
                                      device float* dtable [[buffer(2)]],
                                      constant ScatterShape& shape [[buffer(3)]],
                                      uint2 at [[thread_position_in_grid]],
                                      uint2 in_group [[thread_position_in_threadgroup]],
                                      uint2 group [[threadgroup_position_in_grid]],
                                      uint2 size [[threads_per_threadgroup]],
                                      uint lane [[thread_index_in_simdgroup]]) {
  const ScatterShape s = shape;
#if ANYMETAL_NVIDIA
  // A column of several rows a thread; a simdgroup, whose rows are the same, looks through 32 ids at once.
  constexpr uint kRows = 8;
  nvidia::take_every_threadgroup<1, kRows>();
  if (group.y % kRows != 0 || at.y >= s.vocab) return;
  const auto row = [&](uint j) { return at.y + j * size.y; };
  if (size.x % 32 == 0) {
    float sums[kRows] = {};
    for (uint b = 0; b < s.batch; b += 32) {
      const bool there = b + lane < s.batch;
      const uint id = ids[min(b + lane, s.batch - 1)];
#pragma unroll
      for (uint j = 0; j < kRows; ++j) {
        for (uint found = uint(ulong(simd_ballot(there && id == row(j)))); found != 0; found &= found - 1) {
          if (at.x < s.hidden) sums[j] += dy[ulong(b + ctz(found)) * s.hidden + at.x];
        }
      }
    }
#pragma unroll
    for (uint j = 0; j < kRows; ++j) {
      if (at.x < s.hidden && row(j) < s.vocab) dtable[ulong(row(j)) * s.hidden + at.x] = sums[j];
    }
  } else if (at.x < s.hidden) {
    for (uint j = 0; j < kRows && row(j) < s.vocab; ++j) ScatterRun<1>::run(at.x, s, row(j), dy, ids, dtable + ulong(row(j)) * s.hidden);
  }
  return;
#endif
  if (has_no_run(at.x, in_group.x, s.hidden) || at.y >= s.vocab) return;
  do_run<ScatterRun>(at.x, s.hidden, s, at.y, dy, ids, dtable + ulong(at.y) * s.hidden);
}

struct SlabShape {
  uint from_columns, to_columns, start;
};

/// y[r, c] = x[r, start + c].
///
/// buffer 0: x [rows, in_cols]; 1: y [rows, out_cols]; 2: u32 {in_cols, out_cols, start}
/// grid: threads (out_cols, rows): its height is the row count. tolerance: exact
kernel void slice_2d_cols_f32(device const float* x [[buffer(0)]],
                              device float* y [[buffer(1)]],
                              constant SlabShape& shape [[buffer(2)]],
                              uint2 at [[thread_position_in_grid]],
                              uint2 extent [[threads_per_grid]],
                              uint2 group [[threadgroup_position_in_grid]],
                              uint2 size [[threads_per_threadgroup]]) {
  const SlabShape s = shape;
  if (at.x >= s.to_columns) return;
  for_row<4>({at.y, group.y, size.y}, extent.y, [&](uint r) { return x[ulong(r) * s.from_columns + s.start + at.x]; },
             [&](uint r, float v) { y[ulong(r) * s.to_columns + at.x] = v; });
}

/// y[r, start + c] = x[r, c]; the other columns of y stay.
///
/// buffer 0: x [rows, src_cols]; 1: y [rows, dst_cols]; 2: u32 {src_cols, dst_cols, start}
/// grid: threads (src_cols, rows): its height is the row count. tolerance: exact
kernel void copy_2d_cols_into_f32(device const float* x [[buffer(0)]],
                                  device float* y [[buffer(1)]],
                                  constant SlabShape& shape [[buffer(2)]],
                                  uint2 at [[thread_position_in_grid]],
                                  uint2 extent [[threads_per_grid]],
                                  uint2 group [[threadgroup_position_in_grid]],
                                  uint2 size [[threads_per_threadgroup]]) {
  const SlabShape s = shape;
  if (at.x >= s.from_columns) return;
  for_row<4>({at.y, group.y, size.y}, extent.y, [&](uint r) { return x[ulong(r) * s.from_columns + at.x]; },
             [&](uint r, float v) { y[ulong(r) * s.to_columns + s.start + at.x] = v; });
}
