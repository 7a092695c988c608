#include <metal_stdlib>
#include "common/delta_net.h"
#include "common/nvidia.h"
#if ANYMETAL_NVIDIA
#include "nvidia/chunk_outputs.h"
#include "nvidia/chunk_state.h"
#endif
using namespace metal;
using namespace anymetal;

// kernels: gated_delta_net_chunk_inter_state_bf16 gated_delta_net_chunk_o_bf16

// From the WY form of each chunk (delta_net_wy.metal) to states and outputs (Yang et al., arXiv 2412.06464). The last chunk
// of a sequence may be short.

constant uint kValues = 32;  // value rows of the state that a threadgroup owns

struct StateParams {
  DeltaHeads s;
  uint value_dim, chunk, chunks;
};
static_assert(sizeof(StateParams) == 32, "layout");

/// The state S [V, K] from chunk to chunk, in f32: h[n] = S; D = u - w S^T; v_new = D;
/// S = exp(G_last) S + sum over rows r of bf16(D[r] exp(G_last - G[r])) k[r]^T. Starts from h0, ends as `last`.
///
/// buffer 0: k bf16 [B, T, Hg, K]; 1: w bf16 [B, T, H, K]; 2: u bf16 [B, T, H, V]; 3: G [B, T, H]; 4: h0 f32 [B, H, V, K];
/// 5: h bf16 [B, NT, H, V, K]; 6: v_new bf16 [B, T, H, V]; 7: last f32 [B, H, V, K];
/// 8: u32 {B, T, Hg, H, K, V, 64, NT = ceil(T / 64)}; threadgroup 0: 128 K + 4096 bytes. K a multiple of 8, V of 32
/// grid: threadgroups (V / 32, H, B), any threadgroup size, 128 the best. last may be h0, v_new may be u
/// tolerance: 4e-3 of the largest |ref|; bf16 outputs 2e-3 of it + 2^-8 |ref|
[[any_threadgroup_size]]
kernel void gated_delta_net_chunk_inter_state_bf16(device const bfloat* k [[buffer(0)]],
                                                   device const bfloat* w [[buffer(1)]],
                                                   device const bfloat* u [[buffer(2)]],
                                                   device const float* G [[buffer(3)]],
                                                   device const float* h0 [[buffer(4)]],
                                                   device bfloat* h [[buffer(5)]],
                                                   device bfloat* v_new [[buffer(6)]],
                                                   device float* last [[buffer(7)]],
                                                   constant StateParams& params [[buffer(8)]],
                                                   threadgroup float* state [[threadgroup(0)]],
                                                   uint3 group [[threadgroup_position_in_grid]],
                                                   uint index [[thread_index_in_threadgroup]],
                                                   uint3 size [[threads_per_threadgroup]]) {
  typedef Lanes<8> L;
  constexpr uint kTile = 4;  // rows and values of a thread's tile of D, values of its tile of the state
  const StateParams p = params;
  const uint K = p.s.key_dim, V = p.value_dim, value0 = group.x * kValues;
  if (value0 + kValues > V || group.y >= p.s.heads || group.z >= p.s.batches) return;
  threadgroup bfloat* gated = (threadgroup bfloat*)(state + kValues * K);  // D with its gate, [kChunk][kValues]
  const ulong state0 = ((ulong(group.z) * p.s.heads + group.y) * V + value0) * K;
#if ANYMETAL_NVIDIA
  threadgroup bfloat keys[2 * kChunk * kTileKeys];
  if (size.x == 128 && fits_chunk_tiles(size, K)) {
    const bool aligned = (((ulong)k | (ulong)w | (ulong)u | (ulong)h0 | (ulong)h | (ulong)v_new | (ulong)last) & 15) == 0;
    threadgroup bfloat* high = (threadgroup bfloat*)state;
    const ulong heads = p.s.heads;
    chunk_states(k, w, u + value0, G, h0 + state0, h + ((ulong(group.z) * p.chunks * heads + group.y) * V + value0) * K, heads * V * K,
                 v_new + value0, last + state0, V, {keys, high, high + kValues * kTileKeys, high + 2 * kValues * kTileKeys}, aligned, index,
                 [&](uint n) { return n < p.chunks ? chunk_at(p.s, p.chunk, group.z, group.y, n) : Chunk{}; });
    return;
  }
#endif

  // A thread owns the same tiles of the state all along: four values by eight keys.
  const uint vectors = K / 8, tiles = kValues / kTile * vectors;
  const auto for_own_vectors = [&](auto visit) {
    for (uint tile = index; tile < tiles; tile += size.x) {
      for (uint i = 0; i < kTile; ++i) visit((tile / vectors * kTile + i) * K + tile % vectors * 8);
    }
  };
  for_own_vectors([&](uint at) { L::store(state + at, L::load(h0 + state0 + at)); });

  for (uint n = 0; n < p.chunks; ++n) {
    const Chunk c = chunk_at(p.s, p.chunk, group.z, group.y, n);
    if (c.rows == 0) break;
    device bfloat* snapshot = h + (((ulong(group.z) * p.chunks + n) * p.s.heads + group.y) * V + value0) * K;
    for_own_vectors([&](uint at) { store_bfloat(snapshot + at, L::load(state + at)); });
    threadgroup_barrier(mem_flags::mem_threadgroup);

    const float g_last = G[c.row(c.rows - 1)];
    for (uint tile = index; tile < kChunk * kValues / (kTile * kTile); tile += size.x) {
      const uint row0 = tile % (kChunk / kTile) * kTile, y0 = tile / (kChunk / kTile) * kTile;
      if (row0 >= c.rows) continue;
      float dots[kTile][kTile];
      dot_products(K, dots, [&](uint i, uint x) { return L::load(w + c.row(min(row0 + i, c.rows - 1)) * K + x); },
                   [&](uint j, uint x) { return L::load(state + (y0 + j) * K + x); });
#pragma unroll
      for (uint i = 0; i < kTile; ++i) {
        const uint r = row0 + i;
        if (r >= c.rows) continue;
        const float gate = precise::exp(g_last - G[c.row(r)]);
        const ulong at = c.row(r) * V + value0 + y0;
        const float4 d = float4(*(device const packed_bfloat4*)(u + at)) - float4(dots[i][0], dots[i][1], dots[i][2], dots[i][3]);
        *(device packed_bfloat4*)(v_new + at) = packed_bfloat4(bfloat4(d));
        *(threadgroup bfloat4*)(gated + r * kValues + y0) = bfloat4(d * gate);
      }
    }
    threadgroup_barrier(mem_flags::mem_threadgroup);

    const float decay = precise::exp(g_last);
    for (uint tile = index; tile < tiles; tile += size.x) {
      const uint y0 = tile / vectors * kTile, x = tile % vectors * 8;
      L::F s[kTile];
#pragma unroll
      for (uint i = 0; i < kTile; ++i) s[i] = L::load(state + (y0 + i) * K + x) * decay;
      for (uint r = 0; r < c.rows; ++r) {
        const L::F key = L::load(k + c.key_row(r) * K + x);
#pragma unroll
        for (uint i = 0; i < kTile; ++i) s[i] += float(gated[r * kValues + y0 + i]) * key;
      }
#pragma unroll
      for (uint i = 0; i < kTile; ++i) L::store(state + (y0 + i) * K + x, s[i]);
    }
  }
  for_own_vectors([&](uint at) { L::store(last + state0 + at, L::load(state + at)); });
}

struct OutParams {
  DeltaHeads s;
  uint value_dim, chunk, chunks, key_tile, value_tile;
  float scale;
};
static_assert(sizeof(OutParams) == 44, "layout");

/// o[r] = scale * (exp(G[r]) h q[r] + sum over i <= r of P[r, i] v[i]), P[r, i] = bf16(exp(G[r] - G[i]) q[r] . k[i]), per
/// chunk and head, h the state at the chunk's start; rounded once.
///
/// buffer 0: q bf16 [B, T, Hg, K]; 1: k bf16 [B, T, Hg, K]; 2: v bf16 [B, T, H, V], the chunks' writes;
/// 3: h bf16 [B, NT, H, V, K]; 4: G [B, T, H]; 5: o bf16 [B, T, H, V];
/// 6: u32 {B, T, Hg, H, K, V, 64, NT = ceil(T / 64), unused, unused}, f32 scale; threadgroup 0: 8192 bytes.
/// K a multiple of 8, V of 32
/// grid: threadgroups (V / 32, NT, B * H), any threadgroup size, 256 the best
/// tolerance: 2^-8 |ref| + 2e-3 of the largest |ref|
[[any_threadgroup_size]]
kernel void gated_delta_net_chunk_o_bf16(device const bfloat* q [[buffer(0)]],
                                         device const bfloat* k [[buffer(1)]],
                                         device const bfloat* v [[buffer(2)]],
                                         device const bfloat* h [[buffer(3)]],
                                         device const float* G [[buffer(4)]],
                                         device bfloat* o [[buffer(5)]],
                                         constant OutParams& params [[buffer(6)]],
                                         threadgroup bfloat* P [[threadgroup(0)]],
                                         uint3 group [[threadgroup_position_in_grid]],
                                         uint index [[thread_index_in_threadgroup]],
                                         uint3 size [[threads_per_threadgroup]]) {
  typedef Lanes<8> L;
  const OutParams p = params;
  const uint K = p.s.key_dim, V = p.value_dim, value0 = group.x * kValues;
  const uint batch = group.z / max(p.s.heads, 1u), head = group.z % max(p.s.heads, 1u);
  const Chunk c = chunk_at(p.s, p.chunk, batch, head, group.y);
  if (c.rows == 0 || value0 + kValues > V) return;
  device const bfloat* states = h + (((ulong(batch) * p.chunks + group.y) * p.s.heads + head) * V + value0) * K;
#if ANYMETAL_NVIDIA
  threadgroup bfloat keys[kChunk * kTileKeys], values[kChunk * kValues];
  threadgroup float gates[kChunk];
  if (size.x == 256 && fits_chunk_tiles(size, K)) {
    // The weights are the same for all values: one threadgroup does those of its neighbours, which end at once.
    const uint passes = V % (4 * kValues) == 0 ? 4 : 1;
    if (group.x % passes != 0) return;
    const bool aligned = (((ulong)q | (ulong)k | (ulong)v | (ulong)h | (ulong)o) & 15) == 0;
    chunk_outputs(q, k, v + value0, states, G, o + value0, c, V, p.scale, passes, {keys, P, values, gates}, aligned, index);
    return;
  }
#endif

  // The weights are the same for all values: a thread alone does those of its neighbours, which end at once.
  const uint passes = size.x == 1 && V % (4 * kValues) == 0 ? 4 : 1;
  if (group.x % passes != 0) return;

  constexpr uint kRows = 2, kColumns = 4;  // of a thread's tile of P
  for (uint tile = index; tile < kChunk * kChunk / (kRows * kColumns); tile += size.x) {
    const uint row0 = tile / (kChunk / kColumns) * kRows, column0 = tile % (kChunk / kColumns) * kColumns;
    if (row0 >= c.rows || column0 >= row0 + kRows) continue;  // never read
    float dots[kRows][kColumns];
    dot_products(K, dots, [&](uint i, uint x) { return L::load(q + c.key_row(min(row0 + i, c.rows - 1)) * K + x); },
                 [&](uint j, uint x) { return L::load(k + c.key_row(min(column0 + j, c.rows - 1)) * K + x); });
#pragma unroll
    for (uint i = 0; i < kRows; ++i) {
#pragma unroll
      for (uint j = 0; j < kColumns; ++j) {
        const uint r = row0 + i, column = column0 + j;
        if (r >= c.rows || column > r) continue;
        P[r * kChunk + column] = bfloat(precise::exp(G[c.row(r)] - G[c.row(column)]) * dots[i][j]);
      }
    }
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);

  for (uint tile = index; tile < kChunk * kValues / 8 * passes; tile += size.x) {
    const uint r = tile % (kChunk * kValues / 8) / (kValues / 8), y0 = tile / (kChunk * kValues / 8) * kValues + tile % (kValues / 8) * 8;
    if (r >= c.rows) continue;
    float dots[1][8];
    dot_products(K, dots, [&](uint, uint x) { return L::load(q + c.key_row(r) * K + x); },
                 [&](uint j, uint x) { return L::load(states + ulong(y0 + j) * K + x); });
    L::F sum;
#pragma unroll
    for (uint j = 0; j < 8; ++j) sum[j] = dots[0][j];
    sum *= precise::exp(G[c.row(r)]);
    for (uint i = 0; i <= r; ++i) sum += float(P[r * kChunk + i]) * L::load(v + c.row(i) * V + value0 + y0);
    store_bfloat(o + c.row(r) * V + value0 + y0, p.scale * sum);
  }
}
