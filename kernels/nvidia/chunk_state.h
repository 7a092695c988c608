// gated_delta_net_chunk_inter_state_bf16 on NVIDIA tensor cores: 32 rows of the state of one head by 128 threads. Simdgroup w keeps
// keys 32w .. 32w + 31 of them in f32 and does tokens 16w .. 16w + 15 of a chunk; the state meets w as the sum of two bf16.
#pragma once
#include "nvidia/chunk_tiles.h"

namespace anymetal {

// What a simdgroup needs of a chunk for its tokens, asked for a chunk ahead. Lane 4g + t: tokens 16w + g + 8h, of their values
// 8j + 2t and the next.
struct ChunkRows {
  KeyRows w;
  uint u[2][4];
  float gates[2], last;

  void load(Chunk c, device const bfloat* w_rows, device const bfloat* u_rows, device const float* G, uint value_dim, bool aligned, uint index) {
    const uint lane = index % 32;
    last = c.rows == 0 ? 0.0f : G[c.row(c.rows - 1)];
    for (uint h = 0; h < 2; ++h) {
      const uint r = index / 32 * 16 + lane / 4 + 8 * h;
      const bool there = r < c.rows;
      w.load(h, w_rows + c.row(r) * kTileKeys, there, aligned, lane);
      gates[h] = there ? G[c.row(r)] : 0.0f;
      for (uint j = 0; j < 4; ++j) u[h][j] = there ? pair_of(u_rows + c.row(r) * value_dim + 8 * j + 2 * (lane % 4), aligned) : 0;
    }
  }
};

struct ChunkStateMemory {
  threadgroup bfloat* keys;   // two chunks' tiles
  threadgroup bfloat* high;   // the state's 32 rows of kTileKeys
  threadgroup bfloat* low;    // what `high` loses of it
  threadgroup bfloat* gated;  // writes with their gate, [kChunk][32]
};

// Pointers to values and states are to the 32 that are done; chunk(n) has no rows past the last.
template <class At>
void chunk_states(device const bfloat* k, device const bfloat* w, device const bfloat* u, device const float* G, device const float* h0,
                  device bfloat* h, ulong snapshot_step, device bfloat* v_new, device float* last, uint value_dim,
                  ChunkStateMemory memory, bool aligned, uint index, At chunk) {
  const uint simdgroup = index / 32, lane = index % 32, g = lane / 4, t = lane % 4;
  float state[2][4][4];  // rows 16i + g + 8h, keys 32w + 8j + 2t + e in [i][j][2h + e]
  const auto for_pairs = [&](auto visit) {
    for (uint i = 0; i < 2; ++i) {
      for (uint j = 0; j < 4; ++j) {
        for (uint r = 0; r < 2; ++r) visit(&state[i][j][2 * r], 16 * i + g + 8 * r, 32 * simdgroup + 8 * j + 2 * t);
      }
    }
  };
  for_pairs([&](thread float* pair, uint y, uint x) {
    const metal::float2 v = pair_of(h0 + y * kTileKeys + x, aligned);
    pair[0] = v.x, pair[1] = v.y;
  });

  const auto copy_keys = [&](Chunk c, uint n) {
    copy_key_rows<kChunk>(memory.keys + n % 2 * kChunk * kTileKeys, c.rows, aligned, index, 128,
                          [&](uint r) { return k + c.key_row(r) * kTileKeys; });
    nvidia::end_copies();
  };
  Chunk c = chunk(0);
  ChunkRows rows;
  rows.load(c, w, u, G, value_dim, aligned, index);
  copy_keys(c, 0);
  for (uint n = 0; c.rows != 0; ++n) {
    for_pairs([&](thread float* pair, uint y, uint x) {
      const uint at = key_at(y, x / 8) + x % 8, high = nvidia::bfloats(pair[0], pair[1]);
      *(threadgroup uint*)(memory.high + at) = high;
      *(threadgroup uint*)(memory.low + at) =
          nvidia::bfloats(pair[0] - metal::as_type<float>(high << 16), pair[1] - metal::as_type<float>(high & 0xffff0000u));
    });
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    const Chunk next = chunk(n + 1);
    copy_keys(next, n + 1);
    device bfloat* snapshot = h + n * snapshot_step;
    for (uint i = index; i < 32 * 16; i += 128) {
      const metal::uint4 eight = *(threadgroup const metal::uint4*)(memory.high + key_at(i / 16, i % 16));
      device bfloat* to = snapshot + i / 16 * kTileKeys + i % 16 * 8;
      if (aligned) {
        *(device metal::uint4*)to = eight;
      } else {
        for (uint e = 0; e < 4; ++e) store_pair(to + 2 * e, eight[e], false);
      }
    }

    float dots[4][4] = {};
    rows.w.multiply(dots, memory.low, 0, 4, lane);
    rows.w.multiply(dots, memory.high, 0, 4, lane);
    const float decay = metal::precise::exp(rows.last);
    for (uint i = 0; i < 2; ++i) {
      const uint r = 16 * simdgroup + g + 8 * i;
      const float gate = metal::precise::exp(rows.last - rows.gates[i]);
      for (uint j = 0; j < 4; ++j) {
        const float first = metal::as_type<float>(rows.u[i][j] << 16) - dots[j][2 * i];
        const float second = metal::as_type<float>(rows.u[i][j] & 0xffff0000u) - dots[j][2 * i + 1];
        if (r < c.rows) store_pair(v_new + c.row(r) * value_dim + 8 * j + 2 * t, nvidia::bfloats(first, second), aligned);
        *(threadgroup uint*)(memory.gated + tile_at(r, j) + 2 * t) = r < c.rows ? nvidia::bfloats(first * gate, second * gate) : 0;
      }
    }
    rows.load(next, w, u, G, value_dim, aligned, index);
    nvidia::await_copies<1>();
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);

    for_pairs([&](thread float* pair, uint, uint) { pair[0] *= decay, pair[1] *= decay; });
    threadgroup const bfloat* keys = memory.keys + n % 2 * kChunk * kTileKeys;
    for (uint s = 0; s < 4; ++s) {
      uint b[2][4];
      for (uint j = 0; j < 2; ++j) {
        nvidia::load_matrices_transposed(b[j], keys + key_at(16 * s + lane % 16, 4 * simdgroup + 2 * j + lane / 16));
      }
      for (uint i = 0; i < 2; ++i) {
        uint a[4];
        nvidia::load_matrices_transposed(a, memory.gated + tile_at(16 * s + lane / 16 * 8 + lane % 8, 2 * i + lane / 8 % 2));
        for (uint j = 0; j < 4; ++j) nvidia::multiply_accumulate(bfloat(), state[i][j], a, b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
      }
    }
    c = next;
  }
  for_pairs([&](thread float* pair, uint y, uint x) {
    store_pair(last + y * kTileKeys + x, metal::float2(pair[0], pair[1]), aligned);
  });
}

}  // namespace anymetal
