// Affine weights decoded 16 at a time, and their products with a tile of activations, by one core.
#pragma once
#include "common/affine.h"
#include "cpu/register_sum.h"
#include "cpu/tile.h"

namespace anymetal {

typedef uint UnalignedUint __attribute__((aligned(1)));
typedef ushort UnalignedUshort __attribute__((aligned(1)));

// 16 codes of `kBits` bits, the first at the start of a byte.
template <uint kBits>
WideU wide_codes(device const uchar* p) {
  const WideU lane = (WideU){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  if constexpr (kBits == 2) {
    return ((WideU)uint(*(device const UnalignedUint*)p) >> (lane * 2u)) & 3u;
  } else if constexpr (kBits == 3) {
    const uint low = *(device const UnalignedUint*)p, high = *(device const UnalignedUshort*)(p + 4);
    const uint a = low, b = low >> 24 | high << 8;
    return ((WideU){a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b} >> (lane % 8u * 3u)) & 7u;
  } else if constexpr (kBits == 4) {
    const uint a = *(device const UnalignedUint*)p, b = *(device const UnalignedUint*)(p + 4);
    return ((WideU){a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b} >> (lane % 8u * 4u)) & 15u;
  } else if constexpr (kBits == 6) {
    device const UnalignedUint* words = (device const UnalignedUint*)p;
    const uint w0 = words[0], w1 = words[1], w2 = words[2];
    const uint a = w0, b = w0 >> 24 | w1 << 8, c = w1 >> 16 | w2 << 16, d = w2 >> 8;
    return ((WideU){a, a, a, a, b, b, b, b, c, c, c, c, d, d, d, d} >> (lane % 4u * 6u)) & 63u;
  } else {
    return Wide::bytes(p);
  }
}

// Weights k .. k + depth - 1 of a row, whose group g has scales[g] and biases[g].
template <uint kBits, class Scale, class To>
void decode_affine(device const uchar* codes, device const Scale* scales, device const Scale* biases, uint group_size, uint k,
                   uint depth, To to) {
  const uint end = k + depth;
  for (uint at = k; at < end;) {
    const uint group = at / group_size;
    const uint stop = metal::min(end, group_size * (group + 1));
    const float scale = float(scales[group]), bias = float(biases[group]);
    while (at < stop) {
      if (at % 16 == 0 && at + 16 <= stop) {
        Wide::store(to + (at - k), Wide::to_float(wide_codes<kBits>(codes + at / 8 * kBits)) * scale + bias);
        at += 16;
      } else {
        to[at - k] = float(affine_code(codes, at, kBits)) * scale + bias;
        ++at;
      }
    }
  }
}

// A matrix of N rows of packed codes.
template <class Scale>
struct AffineMatrix {
  device const uchar* codes;
  device const Scale* scales;
  device const Scale* biases;
  ulong row_bytes, groups;
  uint group_size, bits;

  template <class To>
  void decode(ulong n, uint k, uint depth, To to) const {
    device const uchar* row = codes + n * row_bytes;
    device const Scale* s = scales + n * groups;
    device const Scale* b = biases + n * groups;
    switch (bits) {
      case 2: return decode_affine<2>(row, s, b, group_size, k, depth, to);
      case 3: return decode_affine<3>(row, s, b, group_size, k, depth, to);
      case 4: return decode_affine<4>(row, s, b, group_size, k, depth, to);
      case 6: return decode_affine<6>(row, s, b, group_size, k, depth, to);
      default: return decode_affine<8>(row, s, b, group_size, k, depth, to);
    }
  }
};

// sums[r][c] of the products over `length` elements, a multiple of 16, of kRows rows of a matrix, from `first` on, with activation
// rows row(c); matrix rows from `count` on repeat the last one. Groups begin at multiples of 16.
template <uint kBits, uint kRows, uint kColumns, class Scale, class Row>
void affine_products(AffineMatrix<Scale> matrix, ulong first, uint count, uint length, Row row,
                     thread float (&sums)[kRows][kColumns]) {
  ulong at[kRows];
#pragma unroll
  for (uint r = 0; r < kRows; ++r) at[r] = first + metal::min(r, count - 1);
  RegisterSum acc[kRows][kColumns];
  for (uint k = 0, group = 0; k < length; ++group) {
    WideF scale[kRows], bias[kRows];
#pragma unroll
    for (uint r = 0; r < kRows; ++r) {
      scale[r] = float(matrix.scales[at[r] * matrix.groups + group]);
      bias[r] = float(matrix.biases[at[r] * matrix.groups + group]);
    }
    const uint stop = metal::min(length, k + matrix.group_size);
#pragma unroll 1
    for (; k < stop; k += 16) {
      WideF x[kColumns];
#pragma unroll
      for (uint c = 0; c < kColumns; ++c) x[c] = Wide::load(row(c) + k);
#pragma unroll
      for (uint r = 0; r < kRows; ++r) {
        const WideU codes = wide_codes<kBits>(matrix.codes + at[r] * matrix.row_bytes + k / 8 * kBits);
        const WideF w = Wide::to_float(codes) * scale[r] + bias[r];
#pragma unroll
        for (uint c = 0; c < kColumns; ++c) acc[r][c].add(w, x[c]);
      }
    }
  }
#pragma unroll
  for (uint r = 0; r < kRows; ++r) {
#pragma unroll
    for (uint c = 0; c < kColumns; ++c) sums[r][c] = Wide::sum(acc[r][c].vector());
  }
}

constexpr constant uint kFewRows = 4;  // activation rows for which weights are not arranged in tiles

// The sum of the products of elements `begin` up to `end`, one by one, of row n of a matrix with an activation row.
template <class Scale, class X>
float affine_rest(AffineMatrix<Scale> matrix, ulong n, uint begin, uint end, X x) {
  float sum = 0.0f;
#pragma clang loop vectorize(disable) unroll(disable)
  for (uint k = begin; k < end; ++k) {
    const ulong group = n * matrix.groups + k / matrix.group_size;
    const float code = float(affine_code(matrix.codes + n * matrix.row_bytes, k, matrix.bits));
    sum += (code * float(matrix.scales[group]) + float(matrix.biases[group])) * float(x[k]);
  }
  return sum;
}

// store(m, n, sum) of `rows` matrix rows and `columns` <= kColumns activation rows, kRows matrix rows together.
template <uint kRows, uint kColumns, class Scale, class Row, class Store>
void multiply_together(AffineMatrix<Scale> matrix, ulong first, uint rows, uint columns, uint length, Row row, Store store) {
  const uint whole = length & ~15u;
  const auto x = [=](uint c) { return row(metal::min(c, columns - 1)); };
#pragma unroll 1
  for (uint n = 0; n < rows; n += kRows) {
    float sums[kRows][kColumns];
    const uint count = rows - n;
    switch (matrix.bits) {
      case 2: affine_products<2>(matrix, first + n, count, whole, x, sums); break;
      case 3: affine_products<3>(matrix, first + n, count, whole, x, sums); break;
      case 4: affine_products<4>(matrix, first + n, count, whole, x, sums); break;
      case 6: affine_products<6>(matrix, first + n, count, whole, x, sums); break;
      default: affine_products<8>(matrix, first + n, count, whole, x, sums);
    }
#pragma unroll 1
    for (uint r = 0; r < metal::min(kRows, count); ++r) {
#pragma unroll 1
      for (uint m = 0; m < columns; ++m) store(m, n + r, sums[r][m] + affine_rest(matrix, first + n + r, whole, length, row(m)));
    }
  }
}

// The same where groups begin anywhere.
template <class Scale, class Row, class Store>
void multiply_decoded(AffineMatrix<Scale> matrix, ulong first, uint rows, uint columns, uint length, Row row, Store store) {
  float weights[kDepth];
  for (uint n = 0; n < rows; ++n) {
    float sums[kFewRows] = {};
    for (uint k = 0; k < length; k += kDepth) {
      const uint depth = metal::min(kDepth, length - k);
      matrix.decode(first + n, k, depth, (thread float*)weights);
      for (uint m = 0; m < columns; ++m) {
        const auto x = row(m) + k;
        WideF acc = 0.0f;
        uint i = 0;
        for (; i + 16 <= depth; i += 16) acc += Wide::load(weights + i) * Wide::load(x + i);
        sums[m] += Wide::sum(acc);
        for (; i < depth; ++i) sums[m] += weights[i] * float(x[i]);
      }
    }
    for (uint m = 0; m < columns; ++m) store(m, n, sums[m]);
  }
}

// store(m, n, sum) of the products over k of matrix row first + n with activation row m, for n < rows and
// m < columns <= kFewRows; row(m) gives activation row m.
template <class Scale, class Row, class Store>
void multiply_few(AffineMatrix<Scale> matrix, ulong first, uint rows, uint columns, uint length, Row row, Store store) {
  if (matrix.group_size % 16 != 0) return multiply_decoded(matrix, first, rows, columns, length, row, store);
  if (columns == 1) return multiply_together<4, 1>(matrix, first, rows, 1, length, row, store);
  multiply_together<1, kFewRows>(matrix, first, rows, columns, length, row, store);
}

// The same for any number of rows and columns, to result(m)[n].
template <class Scale, class Row, class Result>
void multiply_affine(AffineMatrix<Scale> matrix, ulong first, uint rows, uint columns, uint length, Row row, Result result) {
  if (columns <= kFewRows) {
    return multiply_few(matrix, first, rows, columns, length, row, [=](uint m, uint n, float sum) { result(m)[n] = sum; });
  }
  for (uint m = 0; m < columns; m += kColumns) {
    for (uint n = 0; n < rows; n += 64) {
      multiply_tile(
          metal::min(64u, rows - n), metal::min(kColumns, columns - m), length,
          [=](uint r, uint k, uint depth, thread float* to) { matrix.decode(first + n + r, k, depth, to); },
          [=](uint c) { return row(m + c); }, [=](uint c) { return result(m + c) + n; });
    }
  }
}

}  // namespace anymetal
