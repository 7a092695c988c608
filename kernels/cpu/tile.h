// Matrix products of a tile that one core takes: weight rows one by one, decoded as plain floats, times up to 64 columns, of
// which 32 are side by side in two vectors.
#pragma once
#include "cpu/wide.h"

namespace anymetal {

constexpr constant uint kColumns = 32;  // activation rows, as columns, that lie side by side
constexpr constant uint kTileRows = 256, kTileColumns = 64;  // a tile's most weight rows, and columns
constexpr constant uint kDepth = 256;   // elements of K at a time: what stays in the cache nearest to the core
constexpr constant uint kRowsAtOnce = 8;  // weight rows whose sums stay in registers

// Makes rows of a 16 x 16 matrix its columns.
inline void transpose(thread WideF* m) {
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const WideF a = m[i], b = m[i + 8];
    m[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    m[i + 8] = __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  }
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    if (i & 4) continue;
    const WideF a = m[i], b = m[i + 4];
    m[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    m[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  }
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    if (i & 2) continue;
    const WideF a = m[i], b = m[i + 2];
    m[i] = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    m[i + 2] = __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
#pragma unroll
  for (int i = 0; i < 16; i += 2) {
    const WideF a = m[i], b = m[i + 1];
    m[i] = __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
    m[i + 1] = __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
  }
}

// Elements k .. k + depth - 1 of `count` <= 32 rows as columns: to[k][32]. row(i) gives row i; columns from `count` on
// repeat the last one.
template <class Row>
void load_columns(Row row, uint count, uint k, uint depth, thread float* to) {
  const uint whole = depth & ~15u;
  for (uint half = 0; half < count; half += 16) {
    for (uint d = 0; d < whole; d += 16) {
      WideF m[16];
#pragma unroll
      for (uint i = 0; i < 16; ++i) m[i] = Wide::load(row(metal::min(half + i, count - 1)) + k + d);
      transpose(m);
#pragma unroll
      for (uint i = 0; i < 16; ++i) Wide::store(to + (d + i) * kColumns + half, m[i]);
    }
  }
  for (uint d = whole; d < depth; ++d) {
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint c = 0; c < kColumns; ++c) to[d * kColumns + c] = float(row(metal::min(c, count - 1))[k + d]);
  }
}

// sums[r][c] += sum over k < depth of w[r * row_step + k * step] * columns[k][c] for kRows rows and kVectors of L's vectors of
// columns, whose sums are held in registers.
template <class L, uint kRows, uint kVectors, class W>
void add_block(W w, ulong row_step, ulong step, thread const float* columns, uint depth, thread float* sums) {
  typedef typename L::F Vector;
  constexpr uint kLanes = sizeof(Vector) / sizeof(float);
  Vector acc[kRows][kVectors];
#pragma unroll
  for (uint r = 0; r < kRows; ++r) {
#pragma unroll
    for (uint v = 0; v < kVectors; ++v) acc[r][v] = L::load(sums + r * kColumns + kLanes * v);
  }
#pragma unroll 2
  for (uint k = 0; k < depth; ++k) {
    Vector x[kVectors];
#pragma unroll
    for (uint v = 0; v < kVectors; ++v) x[v] = L::load(columns + k * kColumns + kLanes * v);
#pragma unroll
    for (uint r = 0; r < kRows; ++r) {
      const Vector weight = float(w[r * row_step + k * step]);
#pragma unroll
      for (uint v = 0; v < kVectors; ++v) acc[r][v] += weight * x[v];
    }
  }
#pragma unroll
  for (uint r = 0; r < kRows; ++r) {
#pragma unroll
    for (uint v = 0; v < kVectors; ++v) L::store(sums + r * kColumns + kLanes * v, acc[r][v]);
  }
}

// The same for kRowsAtOnce rows and 16 kVectors columns of 32, in as many parts as there must be for the sums to stay in
// registers.
template <int kVectors, class W>
void add_products(W w, ulong row_step, ulong step, thread const float* columns, uint depth, thread float* sums) {
  if (__msl_vector_bits() >= 512) {
    add_block<Lanes<16>, kRowsAtOnce, kVectors>(w, row_step, step, columns, depth, sums);
  } else if (__msl_vector_bits() >= 256) {
    for (uint r = 0; r < kRowsAtOnce; r += 4) {
      for (uint c = 0; c < 16 * kVectors; c += 16)
        add_block<Lanes<8>, 4, 2>(w + r * row_step, row_step, step, columns + c, depth, sums + r * kColumns + c);
    }
  } else {
    for (uint c = 0; c < 16 * kVectors; c += 8)
      add_block<Lanes<8>, kRowsAtOnce, 1>(w, row_step, step, columns + c, depth, sums + c);
  }
}

// Writes a result of `rows` weight rows and `columns` columns; row(c) gives its row c.
template <class Row>
void store_rows(thread const float* sums, uint rows, uint columns, Row row) {
  const uint whole = rows & ~15u;
  for (uint half = 0; half < columns; half += 16) {
    for (uint n = 0; n < whole; n += 16) {
      WideF m[16];
#pragma unroll
      for (uint i = 0; i < 16; ++i) m[i] = Wide::load(sums + (n + i) * kColumns + half);
      transpose(m);
      float lines[16][16];
#pragma unroll
      for (uint i = 0; i < 16; ++i) Wide::store(lines[i], m[i]);
#pragma clang loop unroll(disable)
      for (uint i = 0; i < metal::min(16u, columns - half); ++i) Wide::store(row(half + i) + n, Wide::load(lines[i]));
    }
  }
  for (uint n = whole; n < rows; ++n) {
#pragma clang loop vectorize(disable) unroll(disable)
    for (uint c = 0; c < columns; ++c) row(c)[n] = sums[n * kColumns + c];
  }
}

// What a threadgroup at `group` of an axis takes of n elements, `own` of them being its own: those of up to `most` elements'
// threadgroups together, so that the next ones have none.
struct Share {
  uint first, count;
  Share(uint group, uint own, uint n, uint most) {
    const uint together = metal::max(1u, most / own);
    const ulong begin = ulong(group) * own;
    first = uint(begin);
    count = group % together != 0 || begin >= n ? 0 : uint(metal::min(ulong(together) * own, n - begin));
  }
};

// The most weight rows and columns one threadgroup should take of a product of so many tiles of 64 x 32: activations are arranged
// once for all rows of a tile and weights decoded once for all its columns, but there must be work for all cores.
struct TileShape {
  uint rows, columns;
  explicit TileShape(ulong tiles)
      : rows(tiles >= 512 ? kTileRows : tiles >= 64 ? 128 : 64), columns(tiles >= 32 ? kTileColumns : kColumns) {}
};

// Up to kTileRows weight rows times up to kTileColumns columns: decode(n, k, depth, to) writes elements k .. k + depth - 1 of
// weight row n as floats; row(c) gives activation row c, result(c) row c of the result.
template <class Decode, class Row, class Result>
void multiply_tile(uint rows, uint columns, uint length, Decode decode, Row row, Result result) {
  constexpr uint kHalves = kTileColumns / kColumns;
  float sums[kHalves][kTileRows * kColumns];
  float activations[kHalves][kDepth * kColumns];
  alignas(64) float weights[kRowsAtOnce * kDepth];
  const uint padded = (rows + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce, halves = (columns + kColumns - 1) / kColumns;
  for (uint h = 0; h < halves; ++h) {
    for (uint i = 0; i < padded * kColumns; i += 16) Wide::store(sums[h] + i, 0.0f);
  }
  for (uint k = 0; k < length; k += kDepth) {
    const uint depth = metal::min(kDepth, length - k);
    for (uint h = 0; h < halves; ++h) {
      const uint c = h * kColumns;
      load_columns([=](uint i) { return row(c + i); }, metal::min(kColumns, columns - c), k, depth, activations[h]);
    }
    for (uint n = 0; n < rows; n += kRowsAtOnce) {
      for (uint r = 0; r < kRowsAtOnce; ++r) decode(metal::min(n + r, rows - 1), k, depth, weights + r * kDepth);
      for (uint h = 0; h < halves; ++h) {
        if (columns - h * kColumns > 16) {
          add_products<2>(weights, kDepth, 1, activations[h], depth, sums[h] + n * kColumns);
        } else {
          add_products<1>(weights, kDepth, 1, activations[h], depth, sums[h] + n * kColumns);
        }
      }
    }
  }
  for (uint h = 0; h < halves; ++h) {
    const uint c = h * kColumns;
    store_rows(sums[h], rows, metal::min(kColumns, columns - c), [=](uint i) { return result(c + i); });
  }
}

}  // namespace anymetal
