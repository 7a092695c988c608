#include <metal_stdlib>
#include "common/reduce.h"
#include "common/runs.h"
#include "common/shares.h"
using namespace metal;
using namespace anymetal;

// kernels: softmax_backward_f32 row_sum_f32 row_sum_backward_f32
// kernels: rms_norm_compute_rms_inv_f32 rms_norm_backward_dx_f32 rms_norm_backward_dw_f32

/// dx = y * (dy - sum over the row of y * dy), y the softmax output.
///
/// buffer 0: y [rows, cols]; 1: dy [rows, cols]; 2: dx [rows, cols]; 3: params f32 {cols, unused}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (rows), any threadgroup size. dx may be y or dy. tolerance: 1e-5 |dx| + 1e-6
[[any_threadgroup_size]]
kernel void softmax_backward_f32(device const float* y [[buffer(0)]],
                                 device const float* dy [[buffer(1)]],
                                 device float* dx [[buffer(2)]],
                                 constant float* params [[buffer(3)]],
                                 threadgroup float* scratch [[threadgroup(0)]],
                                 uint row [[threadgroup_position_in_grid]],
                                 uint index [[thread_index_in_threadgroup]],
                                 uint size [[threads_per_threadgroup]],
                                 uint lane [[thread_index_in_simdgroup]],
                                 uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint columns = uint(params[0]);
  const ulong base = ulong(row) * columns;
  float products = 0.0f;
  for_share(columns, index, size, [=](uint i) { return y[base + i] * dy[base + i]; }, [&](uint, float v) { products += v; });
  const float mean = threadgroup_sum(products, scratch, team);
  for_share(columns, index, size, [=](uint i) { return y[base + i] * (dy[base + i] - mean); }, [=](uint i, float v) { dx[base + i] = v; });
}

/// y[r] = sum of row r.
///
/// buffer 0: x [rows, cols]; 1: y [rows]; 2: params f32 {cols, unused}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (rows), any threadgroup size. tolerance: 1e-6 of the sum of absolute terms
[[any_threadgroup_size]]
kernel void row_sum_f32(device const float* x [[buffer(0)]],
                        device float* y [[buffer(1)]],
                        constant float* params [[buffer(2)]],
                        threadgroup float* scratch [[threadgroup(0)]],
                        uint row [[threadgroup_position_in_grid]],
                        uint index [[thread_index_in_threadgroup]],
                        uint size [[threads_per_threadgroup]],
                        uint lane [[thread_index_in_simdgroup]],
                        uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint columns = uint(params[0]);
  const ulong base = ulong(row) * columns;
  float part = 0.0f;
  for_share(columns, index, size, [=](uint i) { return x[base + i]; }, [&](uint, float v) { part += v; });
  const float sum = threadgroup_sum(part, scratch, team);
  if (index == 0) y[row] = sum;
}

/// dx[r, c] = dy[r].
///
/// buffer 0: dy [rows]; 1: dx [rows, cols]; 2: params f32 {cols, unused}
/// grid: threadgroups (rows), any threadgroup size. tolerance: exact
[[any_threadgroup_size]]
kernel void row_sum_backward_f32(device const float* dy [[buffer(0)]],
                                 device float* dx [[buffer(1)]],
                                 constant float* params [[buffer(2)]],
                                 uint row [[threadgroup_position_in_grid]],
                                 uint index [[thread_index_in_threadgroup]],
                                 uint size [[threads_per_threadgroup]]) {
  const uint columns = uint(params[0]);
  const float value = dy[row];
  for (uint i = index; i < columns; i += size) dx[ulong(row) * columns + i] = value;
}

/// r = 1 / sqrt(mean of the row's squares + eps).
///
/// buffer 0: x [rows, D]; 1: r [rows]; 2: params f32 {eps, D}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (rows), any threadgroup size. tolerance: relative 1e-5 or absolute 1e-6
[[any_threadgroup_size]]
kernel void rms_norm_compute_rms_inv_f32(device const float* x [[buffer(0)]],
                                         device float* r [[buffer(1)]],
                                         constant float* params [[buffer(2)]],
                                         threadgroup float* scratch [[threadgroup(0)]],
                                         uint row [[threadgroup_position_in_grid]],
                                         uint index [[thread_index_in_threadgroup]],
                                         uint size [[threads_per_threadgroup]],
                                         uint lane [[thread_index_in_simdgroup]],
                                         uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint dim = uint(params[1]);
  const ulong base = ulong(row) * dim;
  float squares = 0.0f;
  for_share(dim, index, size, [=](uint i) { return x[base + i]; }, [&](uint, float v) { squares += v * v; });
  const float mean = threadgroup_sum(squares, scratch, team) / float(dim);
  if (index == 0) r[row] = precise::rsqrt(mean + params[0]);
}

/// dx = r * (dy * w - x * c), c = r^2 / D * sum over the row of dy * x * w.
///
/// buffer 0: x [rows, D]; 1: w [D]; 2: dy [rows, D]; 3: r [rows]; 4: dx [rows, D]; 5: params f32 {D, unused}; threadgroup 0: one float per simdgroup
/// grid: threadgroups (rows), any threadgroup size. dx may be dy or x. tolerance: relative 1e-4 or absolute 1e-6
[[any_threadgroup_size]]
kernel void rms_norm_backward_dx_f32(device const float* x [[buffer(0)]],
                                     device const float* w [[buffer(1)]],
                                     device const float* dy [[buffer(2)]],
                                     device const float* r [[buffer(3)]],
                                     device float* dx [[buffer(4)]],
                                     constant float* params [[buffer(5)]],
                                     threadgroup float* scratch [[threadgroup(0)]],
                                     uint row [[threadgroup_position_in_grid]],
                                     uint index [[thread_index_in_threadgroup]],
                                     uint size [[threads_per_threadgroup]],
                                     uint lane [[thread_index_in_simdgroup]],
                                     uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const Team team = {index, size, lane, simdgroup};
  const uint dim = uint(params[0]);
  const ulong base = ulong(row) * dim;
  const float inverse = r[row];
  float products = 0.0f;
  for_share(dim, index, size, [=](uint i) { return dy[base + i] * x[base + i] * w[i]; }, [&](uint, float v) { products += v; });
  const float c = threadgroup_sum(products, scratch, team) * inverse * inverse / float(dim);
  for_share(dim, index, size, [=](uint i) { return inverse * (dy[base + i] * w[i] - x[base + i] * c); }, [=](uint i, float v) { dx[base + i] = v; });
}

// Over every `size`-th row from `index` on: the sums of dy * x * r of N columns from c on, a run's or one.
template <uint N>
struct ColumnSums {
  static void run(uint c, uint dim, uint rows, uint index, uint size, device const float* x, device const float* dy,
                  device const float* r, thread float* sums) {
    for (uint b = index; b < rows; b += size) {
      const ulong at = ulong(b) * dim + c;
      const float inverse = r[b];
      if (N == kRun) {
        for (uint j = 0; j < N; ++j) sums[j] += dy[at + j] * x[at + j] * inverse;
      } else {
        for (uint j = 0; j < kRun; ++j) sums[j] += j == c % kRun ? dy[at] * x[at] * inverse : 0.0f;
      }
    }
  }
};

// out[j] = the sum of what every simdgroup wrote for column j of kColumns.
template <uint kColumns>
void add_simdgroups(threadgroup const float* scratch, uint simdgroups, uint columns, uint index, uint size, device float* out) {
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint j = index; j < columns; j += size) {
    float sum = 0.0f;
    for (uint s = 0; s < simdgroups; ++s) sum += scratch[s * kColumns + j];
    out[j] = sum;
  }
}

#if ANYMETAL_NVIDIA
constant constexpr uint kFewColumns = 8;

// Of eight columns, whose rows begin at multiples of 16 bytes where `aligned`: lane q < 2 gets the sums of columns 4q .. 4q + 3 over a
// simdgroup's rows. Sixteen rows are read side by side.
inline float4 quad_sums(device const float* x, device const float* dy, device const float* r, uint dim, uint rows, bool aligned, uint index, uint size) {
  const auto four = [=](device const float* p) { return aligned ? *(device const float4*)p : float4(p[0], p[1], p[2], p[3]); };
  float4 sums = 0.0f;
  x += index % 2 * 4;
  dy += index % 2 * 4;
  for_share(rows, index / 2, size / 2, [&](uint b) { return four(x + ulong(b) * dim) * four(dy + ulong(b) * dim) * r[b]; },
            [&](uint, float4 v) { sums += v; });
  for (ushort distance = 2; distance < 32; distance *= 2) {
    for (uint j = 0; j < 4; ++j) sums[j] += simd_shuffle_xor(sums[j], distance);
  }
  return sums;
}
#endif

/// dw[i] = sum over rows b of dy[b, i] * x[b, i] * r[b]. A threadgroup does 16 columns, on NVIDIA GPUs 8, so that neighbours are read together.
///
/// buffer 0: x [rows, D]; 1: dy [rows, D]; 2: r [rows]; 3: dw [D]; 4: params f32 {D, rows}; threadgroup 0: one float per thread
/// grid: threadgroups (D), any threadgroup size. tolerance: relative 1e-4 or absolute 1e-6
[[any_threadgroup_size]]
kernel void rms_norm_backward_dw_f32(device const float* x [[buffer(0)]],
                                     device const float* dy [[buffer(1)]],
                                     device const float* r [[buffer(2)]],
                                     device float* dw [[buffer(3)]],
                                     constant float* params [[buffer(4)]],
                                     threadgroup float* scratch [[threadgroup(0)]],
                                     uint group [[threadgroup_position_in_grid]],
                                     uint index [[thread_index_in_threadgroup]],
                                     uint size [[threads_per_threadgroup]],
                                     uint lane [[thread_index_in_simdgroup]],
                                     uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint dim = uint(params[0]), rows = uint(params[1]);
  const uint simdgroups = (size + 31) / 32;
#if ANYMETAL_NVIDIA
  nvidia::take_every_threadgroup<kFewColumns>();
  if (group % kFewColumns != 0) return;
  group /= kFewColumns;
  if (size % 32 == 0 && dim % kFewColumns == 0) {
    if (group >= dim / kFewColumns) return;
    const uint first = group * kFewColumns;
    const float4 own = quad_sums(x + first, dy + first, r, dim, rows, (((ulong)x | (ulong)dy) & 15) == 0, index, size);
    for (uint j = 0; j < 4 && lane < 2; ++j) scratch[simdgroup * kFewColumns + 4 * lane + j] = own[j];
    add_simdgroups<kFewColumns>(scratch, simdgroups, kFewColumns, index, size, dw + first);
    return;
  }
#endif
  if (group >= runs_of(dim)) return;
  const uint columns = min(kRun, dim - group * kRun);
  float sums[kRun] = {};
  do_run<ColumnSums>(group, dim, dim, rows, index, size, x, dy, r, &sums[0]);
  for (uint j = 0; j < kRun; ++j) sums[j] = simd_sum(sums[j]);
  if (simdgroups > 1) {
    if (lane == 0) {
      for (uint j = 0; j < kRun; ++j) scratch[simdgroup * kRun + j] = sums[j];
    }
    add_simdgroups<kRun>(scratch, simdgroups, columns, index, size, dw + group * kRun);
  } else if (index == 0) {
    for (uint j = 0; j < kRun; ++j) {
      if (j < columns) dw[group * kRun + j] = sums[j];
    }
  }
}
