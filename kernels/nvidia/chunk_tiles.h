// Products inside a chunk of the gated delta rule on NVIDIA tensor cores: 64 tokens, keys of 128 bf16 elements.
#pragma once
#include "common/delta_net.h"
#include "common/nvidia.h"
#include "nvidia/tile_rows.h"

namespace anymetal {

constexpr constant uint kTileKeys = 128;

// Element 8 piece of a row of 128 in threadgroup memory. Pieces of 16 bytes change places so that eight rows of a column meet
// in no bank, nor two neighbouring rows in four pieces side by side.
inline uint key_at(uint row, uint piece) { return row * kTileKeys + (piece ^ (row % 2 * 4 + row / 2 % 4)) * 8; }

// What lies at multiples of 16 bytes is read and written in pieces, else element by element; both give the same bits.
inline metal::uint4 piece_of(device const bfloat* p, bool aligned) { return piece<ushort>((device const uchar*)p, aligned); }
inline uint pair_of(device const bfloat* p, bool aligned) {
  if (aligned) return *(device const uint*)p;
  return uint(metal::as_type<ushort>(p[0])) | uint(metal::as_type<ushort>(p[1])) << 16;
}
inline metal::float2 pair_of(device const float* p, bool aligned) {
  return aligned ? *(device const metal::float2*)p : metal::float2(p[0], p[1]);
}
inline void store_pair(device bfloat* p, uint pair, bool aligned) {
  if (aligned) {
    *(device uint*)p = pair;
  } else {
    p[0] = metal::as_type<bfloat>(ushort(pair));
    p[1] = metal::as_type<bfloat>(ushort(pair >> 16));
  }
}
inline void store_pair(device float* p, metal::float2 pair, bool aligned) {
  if (aligned) {
    *(device metal::float2*)p = pair;
  } else {
    p[0] = pair.x, p[1] = pair.y;
  }
}
// Complete after await_copies and a barrier.
inline void copy_piece(threadgroup bfloat* to, device const bfloat* from, bool aligned) {
  if (aligned) {
    nvidia::copy_16(to, from);
  } else {
    *(threadgroup metal::uint4*)to = piece_of(from, false);
  }
}

// at(row), row < kRows, to a tile by the whole threadgroup, zeros from row `rows` on.
template <uint kRows, class At>
void copy_key_rows(threadgroup bfloat* tile, uint rows, bool aligned, uint index, uint size, At at) {
  for (uint i = index; i < kRows * 16; i += size) {
    const uint row = i / 16, column = i % 16;
    threadgroup bfloat* to = tile + key_at(row, column);
    if (row < rows) {
      copy_piece(to, at(row) + column * 8, aligned);
    } else {
      *(threadgroup metal::uint4*)to = metal::uint4(0);
    }
  }
}

// Sixteen rows of 128 elements as left factors. Lane 4g + t has of rows g and g + 8 the elements 8t .. 8t + 7 of each 32; the
// first four stand for elements 2t, 2t + 1, 2t + 8, 2t + 9 of sixteen, the others for those of the next sixteen.
struct KeyRows {
  uint words[2][16];

  // Row g + 8h, zeros where it is not there.
  void load(uint h, device const bfloat* row, bool there, bool aligned, uint lane) {
    for (uint block = 0; block < 4; ++block) {
      const metal::uint4 eight =
          there ? piece_of(row + 32 * block + 8 * (lane % 4), aligned) : metal::uint4(0);
      for (uint i = 0; i < 4; ++i) words[h][4 * block + i] = eight[i];
    }
  }
  // Each element of row g + 8h times `by`, rounded.
  void scale(uint h, float by) {
    for (uint i = 0; i < 16; ++i) {
      const float low = metal::as_type<float>(words[h][i] << 16), high = metal::as_type<float>(words[h][i] & 0xffff0000u);
      words[h][i] = nvidia::bfloats(low * by, high * by);
    }
  }

  // sums[j] += products with rows first + 8j .. first + 8j + 7 of a tile, j < count <= kTiles.
  template <uint kTiles>
  void multiply(thread float (&sums)[kTiles][4], threadgroup const bfloat* tile, uint first, uint count, uint lane) const {
#pragma unroll
    for (uint block = 0; block < 4; ++block) {
      uint a[2][4];
      for (uint s = 0; s < 2; ++s) {
        for (uint i = 0; i < 4; ++i) a[s][i] = words[i % 2][4 * block + 2 * s + i / 2];
      }
#pragma unroll
      for (uint j = 0; j < kTiles; ++j) {
        if (j >= count) continue;
        const metal::uint4 b = *(threadgroup const metal::uint4*)(tile + key_at(first + 8 * j + lane / 4, 4 * block + lane % 4));
        nvidia::multiply_accumulate(bfloat(), sums[j], a[0], b[0], b[1]);
        nvidia::multiply_accumulate(bfloat(), sums[j], a[1], b[2], b[3]);
      }
    }
  }
};

// The sums of 64 tokens' log-decay, to threadgroup memory.
inline void load_gates(threadgroup float* gates, device const float* G, Chunk c, uint index, uint size) {
  for (uint r = index; r < kChunk; r += size) gates[r] = r < c.rows ? G[c.row(r)] : 0.0f;
}

// Whole simdgroups in one dimension and keys of kTileKeys.
inline bool fits_chunk_tiles(metal::uint3 size, uint key_dim) {
  return nvidia::has_ampere() && key_dim == kTileKeys && size.x % 32 == 0 && size.y * size.z == 1;
}

}  // namespace anymetal
