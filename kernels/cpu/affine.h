// Affine weights decoded 16 at a time, and their products with a tile of activations, by one core.
#pragma once
#include "common/affine.h"
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

constexpr constant uint kFewRows = 4;  // activation rows for which weights are not arranged in tiles

// store(m, n, sum) of the products over k of matrix row first + n with activation row m, for n < rows and
// m < columns <= kFewRows; row(m) gives activation row m.
template <class Scale, class Row, class Store>
void multiply_few(AffineMatrix<Scale> matrix, ulong first, uint rows, uint columns, uint length, Row row, Store store) {
  float weights[kDepth];
  for (uint n = 0; n < rows; ++n) {
    float sums[kFewRows] = {};
    for (uint k = 0; k < length; k += kDepth) {
      const uint depth = metal::min(kDepth, length - k);
      matrix.decode(first + n, k, depth, (thread float*)weights);
      for (uint m = 0; m < columns; ++m) {
        const auto x = row(m) + k;
        WideF acc[4] = {};
        uint i = 0;
        for (; i + 64 <= depth; i += 64) {
#pragma unroll
          for (uint j = 0; j < 4; ++j) acc[j] += Wide::load(weights + i + 16 * j) * Wide::load(x + i + 16 * j);
        }
        for (; i + 16 <= depth; i += 16) acc[0] += Wide::load(weights + i) * Wide::load(x + i);
        float sum = Wide::sum((acc[0] + acc[1]) + (acc[2] + acc[3]));
        for (; i < depth; ++i) sum += weights[i] * float(x[i]);
        sums[m] += sum;
      }
    }
    for (uint m = 0; m < columns; ++m) store(m, n, sums[m]);
  }
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
