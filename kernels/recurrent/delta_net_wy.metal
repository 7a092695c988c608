#include <metal_stdlib>
#include "common/delta_net.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/chunk_outputs.h"
#include "nvidia/chunk_writes.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: gated_delta_net_kkt_bf16 gated_delta_net_recompute_wu_bf16

// The WY form of the gated delta rule inside a chunk (Yang et al., arXiv 2412.06464): with G the running sum of the
// log-decay from the chunk's start, A the matrix below and X = (I + A)^-1, the chunk's writes are U - W S^T for the state S
// at its start. The last chunk of a sequence may be short.

struct KktParams {
  DeltaHeads s;
  uint chunk, chunks, key_tile;
};
static_assert(sizeof(KktParams) == 32, "layout");

/// A[i, j] = exp(G[i] - G[j]) * sum over x of bf16(k[i, x] * beta[i]) * k[j, x] for i > j, else 0, per chunk and head; i
/// and j count tokens of the chunk.
///
/// buffer 0: k bf16 [B, T, Hg, K]; 1: beta [B, T, H]; 2: G [B, T, H]; 3: A [B, T, H, 64], column j;
/// 4: u32 {B, T, Hg, H, K, 64, ceil(T / 64), unused}. K a multiple of 8
/// grid: threadgroups (ceil(T / 64), H, B), any threadgroup size, 256 the best. tolerance: 1e-5 of the sum of absolute terms
[[any_threadgroup_size]]
kernel void gated_delta_net_kkt_bf16(device const bfloat* k [[buffer(0)]],
                                     device const float* beta [[buffer(1)]],
                                     device const float* G [[buffer(2)]],
                                     device float* A [[buffer(3)]],
                                     constant KktParams& params [[buffer(4)]],
                                     uint3 group [[threadgroup_position_in_grid]],
                                     uint index [[thread_index_in_threadgroup]],
                                     uint3 size [[threads_per_threadgroup]]) {
  constexpr uint kRows = 2, kColumns = 4;  // of a thread's tile
  const KktParams p = params;
  const uint K = p.s.key_dim;
  const Chunk c = chunk_at(p.s, p.chunk, group.z, group.y, group.x);
#if ANYMETAL_NVIDIA
  threadgroup bfloat keys[kChunk * kTileKeys];
  threadgroup float gates[kChunk];
  if (c.rows != 0 && fits_chunk_tiles(size, K)) {
    chunk_kkt(k, beta, G, A, c, keys, gates, (((ulong)k | (ulong)A) & 15) == 0, index, size.x);
    return;
  }
#endif
  for (uint tile = index; tile < kChunk * kChunk / (kRows * kColumns); tile += size.x) {
    const uint row0 = tile / (kChunk / kColumns) * kRows, column0 = tile % (kChunk / kColumns) * kColumns;
    if (row0 >= c.rows) return;

    float dots[kRows][kColumns] = {};
    if (column0 < row0 + kRows) {
      dot_products(K, dots,
                   [&](uint i, uint x) {
                     const uint r = min(row0 + i, c.rows - 1);
                     return rounded_to_bfloat(Lanes<8>::load(k + c.key_row(r) * K + x) * beta[c.row(r)]);
                   },
                   [&](uint j, uint x) {
                     return Lanes<8>::load(k + c.key_row(min(column0 + j, c.rows - 1)) * K + x);
                   });
    }
#pragma unroll
    for (uint i = 0; i < kRows; ++i) {
      const uint row = row0 + i;
      if (row >= c.rows) continue;
#pragma unroll
      for (uint j = 0; j < kColumns; ++j) {
        // The gate above the diagonal may be infinite: chosen, never multiplied by 0.
        const uint column = column0 + j;
        A[c.row(row) * kChunk + column] =
            row > column ? precise::exp(G[c.row(row)] - G[c.row(column)]) * dots[i][j] : 0.0f;
      }
    }
  }
}

struct WuParams {
  DeltaHeads s;
  uint value_dim, chunk, chunks;
};
static_assert(sizeof(WuParams) == 32, "layout");

constant uint kThreadRows = 8;  // rows of a thread's tile, eight columns wide

// out[i] = sum over m of X[i, m] * factor(m) for the tile's rows i; `factor` gives eight columns, `out` points to them.
template <class Factor, class Out>
void times_inverse(device const float* X, Chunk c, uint row0, Factor factor, Out out) {
  Lanes<8>::F sums[kThreadRows] = {};
  for (uint m = 0; m < c.rows; ++m) {
    const Lanes<8>::F f = factor(m);
#pragma unroll
    for (uint i = 0; i < kThreadRows; ++i) sums[i] += X[c.row(min(row0 + i, c.rows - 1)) * kChunk + m] * f;
  }
#pragma unroll
  for (uint i = 0; i < kThreadRows; ++i) {
    if (row0 + i < c.rows) store_bfloat(out(row0 + i), sums[i]);
  }
}

/// u[i] = sum over m of X[i, m] * bf16(v[m] * beta[m]) and w[i] = sum over m of X[i, m] * bf16(k[m] * beta[m] * exp(G[m])),
/// per chunk and head, m over the whole chunk: X is 0 above its diagonal.
///
/// buffer 0: k bf16 [B, T, Hg, K]; 1: v bf16 [B, T, H, V]; 2: beta [B, T, H]; 3: G [B, T, H]; 4: X [B, T, H, 64];
/// 5: w bf16 [B, T, H, K]; 6: u bf16 [B, T, H, V]; 7: u32 {B, T, Hg, H, K, V, 64, ceil(T / 64)}. K and V multiples of 8
/// grid: threadgroups (ceil(T / 64), H, B), any threadgroup size, 256 the best
/// tolerance: 2^-8 |ref|; w 2^-7 of its largest term more, exp may round a factor the other way
[[any_threadgroup_size]]
kernel void gated_delta_net_recompute_wu_bf16(device const bfloat* k [[buffer(0)]],
                                              device const bfloat* v [[buffer(1)]],
                                              device const float* beta [[buffer(2)]],
                                              device const float* G [[buffer(3)]],
                                              device const float* X [[buffer(4)]],
                                              device bfloat* w [[buffer(5)]],
                                              device bfloat* u [[buffer(6)]],
                                              constant WuParams& params [[buffer(7)]],
                                              uint3 group [[threadgroup_position_in_grid]],
                                              uint index [[thread_index_in_threadgroup]],
                                              uint3 size [[threads_per_threadgroup]]) {
  const WuParams p = params;
  const uint K = p.s.key_dim, V = p.value_dim;
  const Chunk c = chunk_at(p.s, p.chunk, group.z, group.y, group.x);
#if ANYMETAL_NVIDIA
  threadgroup bfloat tiles[2 * kChunk * 32];
  if (c.rows != 0 && size.x == 256 && V % 32 == 0 && fits_chunk_tiles(size, K)) {
    const bool aligned = (((ulong)k | (ulong)v | (ulong)X | (ulong)w | (ulong)u) & 15) == 0;
    chunk_writes(k, v, beta, G, X, w, u, c, V, tiles, aligned, index);
    return;
  }
#endif

  threadgroup float strength[kChunk], gate[kChunk];
  for (uint m = index; m < c.rows; m += size.x) {
    strength[m] = beta[c.row(m)];
    gate[m] = precise::exp(G[c.row(m)]);
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  // Neighbouring threads take neighbouring columns: first those of v, then those of k.
  const uint columns = V / 8 + K / 8;
  for (uint tile = index; tile < columns * (kChunk / kThreadRows); tile += size.x) {
    const uint row0 = tile / columns * kThreadRows, at = tile % columns;
    if (row0 >= c.rows) return;
    if (at < V / 8) {
      const uint y = at * 8;
      times_inverse(X, c, row0,
                    [&](uint m) { return rounded_to_bfloat(Lanes<8>::load(v + c.row(m) * V + y) * strength[m]); },
                    [&](uint i) { return u + c.row(i) * V + y; });
    } else {
      const uint x = (at - V / 8) * 8;
      times_inverse(X, c, row0,
                    [&](uint m) {
                      return rounded_to_bfloat(Lanes<8>::load(k + c.key_row(m) * K + x) * strength[m] * gate[m]);
                    },
                    [&](uint i) { return w + c.row(i) * K + x; });
    }
  }
}
