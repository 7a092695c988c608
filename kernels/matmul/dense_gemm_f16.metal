#include <metal_stdlib>
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/mat_mat.h"
#include "nvidia/merged_threadgroups.h"
#include "nvidia/warpgroup_mat_mat.h"
using namespace anymetal;
#endif
using namespace metal;

constant uint kTile = 32;       // rows of a and of b per threadgroup
constant uint kDepthStep = 16;  // elements of K in threadgroup memory at a time
constant uint kPitch = 24;      // elements between rows there
constant uint kTileThreads = 128;

struct DenseSizes {
  uint m, n, k;
};
static_assert(sizeof(DenseSizes) == 12, "layout");

// The tile of one threadgroup. `memory` holds kTile * kTile floats.
inline void gemm_tile(device const half* a, device const half* b, device half* c, constant DenseSizes& s, threadgroup float* memory, uint2 group,
                      uint thread_index, uint simdgroup) {
  threadgroup half* left = (threadgroup half*)memory;  // [kTile][kPitch]
  threadgroup half* right = left + kTile * kPitch;
  const uint m0 = group.y * kTile, n0 = group.x * kTile;
  const uint m_part = simdgroup / 2 * 16, n_part = simdgroup % 2 * 16;

  simdgroup_float8x8 sums[2][2];
  for (uint i = 0; i < 4; ++i) sums[i / 2][i % 2] = make_filled_simdgroup_matrix<float, 8>(0.0f);
  for (uint k = 0; k < s.k; k += kDepthStep) {
    for (uint i = thread_index; i < kTile * kDepthStep; i += kTileThreads) {
      const uint row = i / kDepthStep, column = k + i % kDepthStep, at = row * kPitch + i % kDepthStep;
      left[at] = m0 + row < s.m && column < s.k ? a[ulong(m0 + row) * s.k + column] : half(0);
      right[at] = n0 + row < s.n && column < s.k ? b[ulong(n0 + row) * s.k + column] : half(0);
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
    for (uint kk = 0; kk < kDepthStep; kk += 8) {
      simdgroup_half8x8 x[2], y[2];
      for (uint i = 0; i < 2; ++i) {
        simdgroup_load(x[i], left + (m_part + 8 * i) * kPitch + kk, kPitch);
        simdgroup_load(y[i], right + (n_part + 8 * i) * kPitch + kk, kPitch, ulong2(0), true);
      }
      for (uint i = 0; i < 2; ++i) {
        for (uint j = 0; j < 2; ++j) simdgroup_multiply_accumulate(sums[i][j], x[i], y[j], sums[i][j]);
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);
  }

  // Through threadgroup memory, so that edge tiles are clipped element by element.
  for (uint i = 0; i < 2; ++i) {
    for (uint j = 0; j < 2; ++j) simdgroup_store(sums[i][j], memory + (m_part + 8 * i) * kTile + n_part + 8 * j, kTile);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  for (uint i = thread_index; i < kTile * kTile; i += kTileThreads) {
    const uint m = m0 + i / kTile, n = n0 + i % kTile;
    if (m < s.m && n < s.n) c[ulong(m) * s.n + n] = half(memory[i]);
  }
}

/// c[m, n] = sum over k of a[m, k] * b[n, k], f16 with sums in f32, rounded once. Each of the four simdgroups owns 16 x 16 of
/// a 32 x 32 tile. Any M, N, K.
///
/// buffer 0: a f16 [M, K]; 1: b f16 [N, K]; 2: c f16 [M, N]; 3: u32 {M, N, K}
/// grid: threadgroups (ceil(N / 32), ceil(M / 32)), 128 threads
/// tolerance: 2^-10 |ref| + 2^-20 of the sum of absolute products
kernel void dense_gemm_f16(device const half* a [[buffer(0)]],
                           device const half* b [[buffer(1)]],
                           device half* c [[buffer(2)]],
                           constant DenseSizes& s [[buffer(3)]],
                           uint3 group [[threadgroup_position_in_grid]],
                           uint thread_index [[thread_index_in_threadgroup]],
                           uint simdgroup [[simdgroup_index_in_threadgroup]]) {
#if ANYMETAL_NVIDIA
  threadgroup MatMatTiles<half, 128, 3> wide_tiles;
  typedef WarpgroupTiles<half> Together;
  threadgroup Together together_tiles;
  const Merged<Together::kColumns / kTile, Together::kRows / kTile, 1> groups(group);
  if (groups.is_taken()) return;
  if (nvidia::has_ampere() && are_pieces(ulong(s.k) * 2, 0, s.k, 2)) {
    const uint m0 = group.y * kTile, n0 = group.x * kTile;
    const TileRows a_rows((device const uchar*)a, ulong(s.k) * 2, m0, s.m), b_rows((device const uchar*)b, ulong(s.k) * 2, n0, s.n);
    const auto store = [=](uint m, uint n, float value) {
      if (m0 + m < s.m && n0 + n < s.n) c[ulong(m0 + m) * s.n + n0 + n] = half(value);
    };
    threadgroup RowScales* no_scales = nullptr;
    if (groups.is_merged) {
      const DenseTile<half, Together::kRows, kMergedThreads> a_tile = {a_rows, s.k};
      const DenseTile<half, Together::kColumns, kMergedThreads> b_tile = {b_rows, s.k};
      return warpgroup_mat_mat<false>(together_tiles, no_scales, a_tile, b_tile, s.k, thread_index, store);
    }
    // One of several threadgroups takes a wide tile; the others have nothing to do.
    if (m0 % 128 != 0 || n0 % 128 != 0) return;
    const DenseTile<half, 128> a_tile = {a_rows, s.k}, b_tile = {b_rows, s.k};
    return nvidia_mat_mat<false>(wide_tiles, no_scales, a_tile, b_tile, s.k, thread_index, store);
  }
  threadgroup float* memory = have_warpgroup_products() ? (threadgroup float*)&together_tiles : (threadgroup float*)&wide_tiles;
  groups.for_each(thread_index, [&](uint3 one, uint index, uint part) { gemm_tile(a, b, c, s, memory + kTile * kTile * part, one.xy, index, index / 32); });
#else
  threadgroup float memory[kTile * kTile];
  gemm_tile(a, b, c, s, memory, group.xy, thread_index, simdgroup);
#endif
}
