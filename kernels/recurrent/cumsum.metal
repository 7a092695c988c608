#include <metal_stdlib>
#include "common/nvidia.h"
#include "common/reduce.h"
using namespace metal;
using namespace anymetal;

// kernels: cumsum_f32 cumsum_bf16 chunk_local_cumsum_g_f32

#if ANYMETAL_NVIDIA
// A row of sixteen elements a thread: four tiles of four neighbours each, all loaded before the first is added. `totals` has four elements for
// every simdgroup. With kAligned four neighbours are one access.
template <bool kAligned, class T>
void sum_kept_row(device const T* x, device T* y, threadgroup float* totals, Team team) {
  constexpr uint kTiles = 4;
  const uint simdgroups = team.size / 32;
  float v[kTiles][4], before[kTiles];
#pragma unroll
  for (uint t = 0; t < kTiles; ++t) {
    const uint at = 4 * (t * team.size + team.index);
    if (kAligned) {
      const vec<T, 4> four = *(device const vec<T, 4>*)(x + at);
      for (uint j = 0; j < 4; ++j) v[t][j] = float(four[j]);
    } else {
      for (uint j = 0; j < 4; ++j) v[t][j] = float(x[at + j]);
    }
  }
#pragma unroll
  for (uint t = 0; t < kTiles; ++t) {
    for (uint j = 1; j < 4; ++j) v[t][j] += v[t][j - 1];
    const float inclusive = simd_prefix_inclusive_sum(v[t][3]);
    before[t] = simd_prefix_exclusive_sum(v[t][3]);
    if (team.lane == 31) totals[t * simdgroups + team.simdgroup] = inclusive;
  }
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float sum = 0.0f;
#pragma unroll
  for (uint t = 0; t < kTiles; ++t) {
    for (uint s = 0; s < simdgroups; ++s) {
      if (s == team.simdgroup) before[t] += sum;
      sum += totals[t * simdgroups + s];
    }
  }
#pragma unroll
  for (uint t = 0; t < kTiles; ++t) {
    const uint at = 4 * (t * team.size + team.index);
    vec<T, 4> four;
    for (uint j = 0; j < 4; ++j) four[j] = T(before[t] + v[t][j]);
    if (kAligned) {
      *(device vec<T, 4>*)(y + at) = four;
    } else {
      for (uint j = 0; j < 4; ++j) y[at + j] = four[j];
    }
  }
}
#endif

/// y[i] = sum over j <= i of x[j] per row, in f32 and rounded once.
///
/// buffer 0: x [R, D]; 1: y [R, D]; 2: u32 D; threadgroup 0: one float per simdgroup
/// grid: threadgroups (R), any threadgroup size. y may be x
/// tolerance: 2^-22 of the sum of absolute terms, for bf16 2^-8 |y| more
template <class T>
kernel void cumsum(device const T* x [[buffer(0)]],
                   device T* y [[buffer(1)]],
                   constant uint& dim [[buffer(2)]],
                   threadgroup float* scratch [[threadgroup(0)]],
                   uint row [[threadgroup_position_in_grid]],
                   uint index [[thread_index_in_threadgroup]],
                   uint size [[threads_per_threadgroup]],
                   uint lane [[thread_index_in_simdgroup]],
                   uint simdgroup [[simdgroup_index_in_threadgroup]]) {
  const uint columns = dim;
  x += ulong(row) * columns;
  y += ulong(row) * columns;

#if ANYMETAL_NVIDIA
  if (columns == 16 * size && size % 32 == 0) {
    threadgroup float totals[4 * 32];
    const Team team = {index, size, lane, simdgroup};
    if ((ulong(x) | ulong(y)) % (4 * sizeof(T)) == 0) return sum_kept_row<true>(x, y, totals, team);
    return sum_kept_row<false>(x, y, totals, team);
  }
  // Four neighbours a thread, so that a simdgroup's loads and stores lie side by side; then the next of the threadgroup's tiles.
  float carry = 0.0f;
  for (uint tile = 0; tile < columns; tile += 4 * size) {
    const uint at = tile + 4 * index;
    float v[4];
    for (uint j = 0; j < 4; ++j) v[j] = at + j < columns ? float(x[at + j]) : 0.0f;
    for (uint j = 1; j < 4; ++j) v[j] += v[j - 1];
    const float begin_sum = carry + threadgroup_sum_before(v[3], scratch, {index, size, lane, simdgroup});
    for (uint j = 0; j < 4; ++j) {
      if (at + j < columns) y[at + j] = T(begin_sum + v[j]);
    }
    carry += threadgroup_sum(v[3], scratch, {index, size, lane, simdgroup});
  }
  return;
#endif

  // Each thread owns a run of columns and adds what the threads before it hold.
  const uint run = (columns + size - 1) / size;
  const uint begin = min(index * run, columns), end = min(begin + run, columns);
  float total = 0.0f;
  for (uint i = begin; i < end; ++i) total += float(x[i]);
  const float before = threadgroup_sum_before(total, scratch, {index, size, lane, simdgroup});

  float sum = 0.0f;
  for (uint i = begin; i < end; ++i) {
    sum += float(x[i]);
    y[i] = T(before + sum);
  }
}

#define INSTANTIATE(name, T) \
  template [[host_name("cumsum_" name)]] kernel void cumsum<T>( \
      device const T*, device T*, constant uint&, threadgroup float*, uint, uint, uint, uint, uint);
INSTANTIATE("f32", float)
INSTANTIATE("bf16", bfloat)

struct ChunkCumsumShape {
  uint batches, tokens, heads, chunk, chunks;
};
static_assert(sizeof(ChunkCumsumShape) == 20, "layout");

// One head's sums in a chunk.
inline void sum_chunk(device const float* g, device float* G, ChunkCumsumShape s, uint batch, uint n, uint head) {
  const ulong begin = ulong(n) * s.chunk, end = min(begin + s.chunk, ulong(s.tokens));
  float sum = 0.0f;
  ulong t = begin;
#if ANYMETAL_NVIDIA
  constexpr uint kAhead = 16;
  for (; end - t >= kAhead; t += kAhead) {
    const ulong at = (ulong(batch) * s.tokens + t) * s.heads + head;
    float ahead[kAhead];
#pragma unroll
    for (uint i = 0; i < kAhead; ++i) ahead[i] = g[at + i * s.heads];
#pragma unroll
    for (uint i = 0; i < kAhead; ++i) G[at + i * s.heads] = sum += ahead[i];
  }
#endif
  for (; t < end; ++t) {
    const ulong at = (ulong(batch) * s.tokens + t) * s.heads + head;
    sum += g[at];
    G[at] = sum;
  }
}

/// G[b, t, h] = sum of g[b, s, h] over the tokens s <= t of t's chunk. The last chunk of a sequence may be short.
///
/// buffer 0: g [B, T, H]; 1: G [B, T, H]; 2: u32 {B, T, H, BT, NT = ceil(T / BT)}
/// grid: threadgroups (1, H, B * NT), any threadgroup size, BT the usual. G may be g
/// tolerance: 1e-6 of the sum of absolute terms
///
/// The heads of a token are neighbours in memory, so every size-th threadgroup takes `size` heads, one a thread, on NVIDIA GPUs every 32nd as many;
/// the others have nothing to do.
kernel void chunk_local_cumsum_g_f32(device const float* g [[buffer(0)]],
                                     device float* G [[buffer(1)]],
                                     constant ChunkCumsumShape& shape [[buffer(2)]],
                                     uint3 group [[threadgroup_position_in_grid]],
                                     uint index [[thread_index_in_threadgroup]],
                                     uint3 size [[threads_per_threadgroup]]) {
  const ChunkCumsumShape s = shape;
  const uint batch = group.z / max(s.chunks, 1u), n = group.z % max(s.chunks, 1u);
#if ANYMETAL_NVIDIA
  constexpr uint kHeads = 32;
  nvidia::take_every_threadgroup<1, kHeads>();
  if (group.x != 0 || group.y % kHeads != 0 || batch >= s.batches) return;
  for (uint head = group.y + index; head < min(group.y + kHeads, s.heads); head += size.x) sum_chunk(g, G, s, batch, n, head);
#else
  const uint head = group.y + index;
  if (group.x != 0 || group.y % size.x != 0 || head >= s.heads || batch >= s.batches) return;
  sum_chunk(g, G, s, batch, n, head);
#endif
}
