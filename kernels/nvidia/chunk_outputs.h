// gated_delta_net_kkt_bf16 and gated_delta_net_chunk_o_bf16 on NVIDIA tensor cores: a simdgroup does sixteen tokens.
#pragma once
#include "nvidia/chunk_tiles.h"

namespace anymetal {

// A of one chunk: a simdgroup at a time takes 16 of its rows and 32 of its columns.
inline void chunk_kkt(device const bfloat* k, device const float* beta, device const float* G, device float* A, Chunk c,
                      threadgroup bfloat* keys, threadgroup float* gates, bool aligned, uint index, uint size) {
  copy_key_rows<kChunk>(keys, c.rows, aligned, index, size, [&](uint r) { return k + c.key_row(r) * kTileKeys; });
  nvidia::end_copies();
  load_gates(gates, G, c, index, size);
  nvidia::await_copies<0>();
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);

  const uint lane = index % 32, g = lane / 4, t = lane % 4;
  for (uint item = index / 32; item < 8; item += size / 32) {
    const uint row0 = item % 4 * 16, column0 = item / 4 * 32;
    float sums[4][4] = {};
    if (column0 < row0 + 16) {
      KeyRows rows;
      for (uint h = 0; h < 2; ++h) {
        const uint r = row0 + g + 8 * h;
        rows.load(h, k + c.key_row(r) * kTileKeys, r < c.rows, aligned, lane);
        rows.scale(h, r < c.rows ? beta[c.row(r)] : 0.0f);
      }
      rows.multiply(sums, keys, column0, (row0 + 16 - column0) / 8, lane);
    }
    for (uint h = 0; h < 2; ++h) {
      const uint r = row0 + g + 8 * h;
      if (r >= c.rows) continue;
      for (uint j = 0; j < 4; ++j) {
        const uint column = column0 + 8 * j + 2 * t;
        metal::float2 out;
        for (uint e = 0; e < 2; ++e) {
          out[e] = r > column + e ? metal::precise::exp(gates[r] - gates[column + e]) * sums[j][2 * h + e] : 0.0f;
        }
        store_pair(A + c.row(r) * kChunk + column, out, aligned);
      }
    }
  }
}

struct OutputMemory {
  threadgroup bfloat* keys;  // of kChunk rows; then the second of two tiles of the state and of values
  threadgroup bfloat* state;
  threadgroup bfloat* values;
  threadgroup float* gates;
};

// sums += weights times values of sixteen tokens from `row0` on, each by itself and no later token's, which may be an infinity or NaN.
// Tokens are rows of the tile, 16 columns from y0 on are the simdgroup's. Short code: it is seldom called.
inline void add_earlier_values(thread float (&sums)[2][4], thread const uint (&weights)[4], threadgroup const bfloat* values, uint row0,
                               uint y0, uint lane) {
#pragma clang loop unroll(disable)
  for (uint m = 0; m < 16; ++m) {
    const ushort owner = ushort(lane / 4 * 4 + m % 8 / 2);
    for (uint h = 0; h < 2; ++h) {
      const uint pair = metal::simd_shuffle(m < 8 ? weights[h] : weights[2 + h], owner);
      if (m > lane / 4 + 8 * h) continue;
      const float weight = metal::as_type<float>(m % 2 == 0 ? pair << 16 : pair & 0xffff0000u);
      for (uint j = 0; j < 2; ++j) {
        for (uint e = 0; e < 2; ++e) {
          sums[j][2 * h + e] += weight * float(values[tile_at(row0 + m, y0 / 8 + j) + lane % 4 * 2 + e]);
        }
      }
    }
  }
}

// Outputs of one chunk by 256 threads, 32 values at a time from `v` and `o` on of rows of `value_dim`, `passes` times; `states` are
// those values' rows of the state. A simdgroup takes 16 tokens and every second 16 values.
inline void chunk_outputs(device const bfloat* q, device const bfloat* k, device const bfloat* v, device const bfloat* states,
                          device const float* G, device bfloat* o, Chunk c, uint value_dim, float scale, uint passes,
                          OutputMemory memory, bool aligned, uint index) {
  const auto state_tile = [&](uint pass) { return pass % 2 == 0 ? memory.state : memory.keys; };
  const auto value_tile = [&](uint pass) { return pass % 2 == 0 ? memory.values : memory.keys + 32 * kTileKeys; };
  const auto copy = [&](uint pass) {
    copy_key_rows<32>(state_tile(pass), 32, aligned, index, 256, [&](uint y) { return states + ulong(32 * pass + y) * kTileKeys; });
    const uint r = index / 4;
    threadgroup bfloat* to = value_tile(pass) + tile_at(r, index % 4);
    if (r < c.rows) {
      copy_piece(to, v + c.row(r) * value_dim + 32 * pass + index % 4 * 8, aligned);
    } else {
      *(threadgroup metal::uint4*)to = metal::uint4(0);
    }
    nvidia::end_copies();
  };
  copy_key_rows<kChunk>(memory.keys, c.rows, aligned, index, 256, [&](uint r) { return k + c.key_row(r) * kTileKeys; });
  copy(0);
  load_gates(memory.gates, G, c, index, 256);
  const uint lane = index % 32, g = lane / 4, t = lane % 4;
  const uint row0 = index / 32 % 4 * 16, y0 = index / 128 * 16;
  KeyRows rows;
  for (uint h = 0; h < 2; ++h) {
    const uint r = row0 + g + 8 * h;
    rows.load(h, q + c.key_row(r) * kTileKeys, r < c.rows, aligned, lane);
  }
  nvidia::await_copies<0>();
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);

  uint weights[4][4], own[4] = {};  // left factors, for 16 keys each; own: those of the simdgroup's tokens
  float gate[2];
  for (uint h = 0; h < 2; ++h) gate[h] = metal::precise::exp(memory.gates[row0 + g + 8 * h]);
#pragma unroll
  for (uint s = 0; s < 4; ++s) {
    float dots[2][4] = {};
    if (16 * s <= row0) rows.multiply(dots, memory.keys, 16 * s, 2, lane);
    for (uint j = 0; j < 2; ++j) {
      for (uint h = 0; h < 2; ++h) {
        const uint r = row0 + g + 8 * h, column = 16 * s + 8 * j + 2 * t;
        float pair[2] = {};
        for (uint e = 0; e < 2 && 16 * s <= row0; ++e) {
          pair[e] = column + e <= r ? metal::precise::exp(memory.gates[r] - memory.gates[column + e]) * dots[j][2 * h + e] : 0.0f;
        }
        weights[s][2 * j + h] = nvidia::bfloats(pair[0], pair[1]);
        if (16 * s == row0) own[2 * j + h] = weights[s][2 * j + h];
      }
    }
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);

  for (uint pass = 0; pass < passes; ++pass) {
    if (pass + 1 < passes) copy(pass + 1);
    float out[2][4] = {};
    rows.multiply(out, state_tile(pass), y0, 2, lane);
    for (uint j = 0; j < 2; ++j) {
      for (uint e = 0; e < 4; ++e) out[j][e] *= gate[e / 2];
    }
#pragma unroll
    for (uint s = 0; s < 4; ++s) {
      if (16 * s >= row0) continue;
      uint b[4];
      nvidia::load_matrices_transposed(b, value_tile(pass) + tile_at(16 * s + lane % 16, y0 / 8 + lane / 16));
      nvidia::multiply_accumulate(bfloat(), out[0], weights[s], b[0], b[1]);
      nvidia::multiply_accumulate(bfloat(), out[1], weights[s], b[2], b[3]);
    }
    // Among its own tokens a weight of 0 meets the values of later ones: where a sum is none, they are added one by one.
    float sums[2][4] = {}, zero = 0.0f;
    uint b[4];
    nvidia::load_matrices_transposed(b, value_tile(pass) + tile_at(row0 + lane % 16, y0 / 8 + lane / 16));
    for (uint j = 0; j < 2; ++j) {
      nvidia::multiply_accumulate(bfloat(), sums[j], own, b[2 * j], b[2 * j + 1]);
      for (uint e = 0; e < 4; ++e) zero = metal::fma(sums[j][e], 0.0f, zero);
    }
    if (metal::simd_any(zero != 0.0f)) {
      for (uint j = 0; j < 2; ++j) {
        for (uint e = 0; e < 4; ++e) sums[j][e] = 0.0f;
      }
      add_earlier_values(sums, own, value_tile(pass), row0, y0, lane);
    }
    for (uint j = 0; j < 2; ++j) {
      for (uint e = 0; e < 4; ++e) out[j][e] += sums[j][e];
    }
    for (uint h = 0; h < 2; ++h) {
      const uint r = row0 + g + 8 * h;
      if (r >= c.rows) continue;
      for (uint j = 0; j < 2; ++j) {
        store_pair(o + c.row(r) * value_dim + 32 * pass + y0 + 8 * j + 2 * t, nvidia::bfloats(scale * out[j][2 * h], scale * out[j][2 * h + 1]), aligned);
      }
    }
    nvidia::await_copies<0>();
    metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  }
}

}  // namespace anymetal
