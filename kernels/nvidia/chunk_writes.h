// gated_delta_net_recompute_wu_bf16 on NVIDIA tensor cores: 256 threads, 32 columns of u or w at a time. An f32 element of X is the sum of
// three bf16, which loses nothing.
#pragma once
#include "nvidia/chunk_tiles.h"

namespace anymetal {

// One pair of floats as three pairs of bf16. Of what is not finite only the first is not 0.
inline void split_bfloats(metal::float2 x, thread uint (&parts)[3]) {
  parts[0] = nvidia::bfloats(x.x, x.y);
  for (uint i = 1; i < 3; ++i) {
    x.x -= metal::as_type<float>(parts[i - 1] << 16);
    x.y -= metal::as_type<float>(parts[i - 1] & 0xffff0000u);
    for (uint e = 0; e < 2; ++e) x[e] = metal::fabs(x[e]) < INFINITY ? x[e] : 0.0f;
    parts[i] = nvidia::bfloats(x.x, x.y);
  }
}

inline void chunk_writes(device const bfloat* k, device const bfloat* v, device const float* beta, device const float* G,
                         device const float* X, device bfloat* w, device bfloat* u, Chunk c, uint value_dim,
                         threadgroup bfloat* tiles, bool aligned, uint index) {
  const uint simdgroup = index / 32, lane = index % 32, g = lane / 4, t = lane % 4;
  const uint row0 = simdgroup % 4 * 16, column0 = simdgroup / 4 * 16;  // of what a simdgroup does of a tile
  uint x[4][4][3];
  for (uint s = 0; s < 4; ++s) {
    for (uint i = 0; i < 4; ++i) {
      const uint r = row0 + g + i % 2 * 8;
      metal::float2 pair = 0.0f;
      if (r < c.rows) pair = pair_of(X + c.row(r) * kChunk + 16 * s + 2 * t + i / 2 * 8, aligned);
      // Tokens past the last have no column either.
      const uint column = 16 * s + 2 * t + i / 2 * 8;
      split_bfloats(metal::float2(column < c.rows ? pair.x : 0.0f, column + 1 < c.rows ? pair.y : 0.0f), x[s][i]);
    }
  }

  // A thread's piece of a tile: eight columns of one token.
  const uint m = index / 4;
  const bool there = m < c.rows;
  const float strength = there ? beta[c.row(m)] : 0.0f, gate = there ? metal::precise::exp(G[c.row(m)]) : 0.0f;
  const auto source = [&](uint column) {
    return column < value_dim ? v + c.row(m) * value_dim + column : k + c.key_row(m) * kTileKeys + column - value_dim;
  };
  const auto load = [&](uint column) { return there ? piece_of(source(column + index % 4 * 8), aligned) : metal::uint4(0); };
  metal::uint4 eight = load(0);
  for (uint column = 0; column < value_dim + kTileKeys; column += 32) {
    threadgroup bfloat* tile = tiles + column / 32 % 2 * kChunk * 32;
    const bool values = column < value_dim;
    for (uint i = 0; i < 4; ++i) {
      float low = metal::as_type<float>(eight[i] << 16) * strength, high = metal::as_type<float>(eight[i] & 0xffff0000u) * strength;
      if (!values) low *= gate, high *= gate;
      eight[i] = nvidia::bfloats(low, high);
    }
    *(threadgroup metal::uint4*)(tile + tile_at(m, index % 4)) = eight;
    if (column + 32 < value_dim + kTileKeys) eight = load(column + 32);
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);

    float sums[2][4] = {};
    for (uint s = 0; s < 4; ++s) {
      uint b[4];
      nvidia::load_matrices_transposed(b, tile + tile_at(16 * s + lane % 16, column0 / 8 + lane / 16));
      for (uint part = 3; part-- > 0;) {
        uint a[4];
        for (uint i = 0; i < 4; ++i) a[i] = x[s][i][part];
        nvidia::multiply_accumulate(bfloat(), sums[0], a, b[0], b[1]);
        nvidia::multiply_accumulate(bfloat(), sums[1], a, b[2], b[3]);
      }
    }
    for (uint h = 0; h < 2; ++h) {
      const uint r = row0 + g + 8 * h;
      if (r >= c.rows) continue;
      device bfloat* out = values ? u + c.row(r) * value_dim + column : w + c.row(r) * kTileKeys + column - value_dim;
      for (uint j = 0; j < 2; ++j) store_pair(out + column0 + 8 * j + 2 * t, nvidia::bfloats(sums[j][2 * h], sums[j][2 * h + 1]), aligned);
    }
  }
}

}  // namespace anymetal
