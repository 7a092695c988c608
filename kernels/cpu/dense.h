// Rows of plain elements for code written for rows of blocks: runs of 32 take the part of a block.
#pragma once
#include "cpu/blocks.h"
#include "cpu/rows.h"

namespace anymetal {

template <class T>
struct DenseRun { T elements[32]; };

template <class T>
struct BlockUnits<DenseRun<T>> : SmallBlockUnits {
  static void scales(device const DenseRun<T>&, thread float*) {}
  static void unit(device const DenseRun<T>& b, thread const float*, uint, thread WideF* w) {
    w[0] = Wide::load(b.elements);
    w[1] = Wide::load(b.elements + 16);
  }
};

// decode_row for any `depth`. What follows in the row is asked for: rows of plain elements are long and far apart.
template <class T>
void decode_row(device const DenseRun<T>* row, uint k, uint depth, thread float* to) {
  device const T* from = row->elements + k;
  const uint whole = depth & ~15u;
  for (uint i = 0; i < whole; i += 16) {
    if (i * sizeof(T) % 64 == 0) __builtin_prefetch(from + depth + i);
    Wide::store(to + i, Wide::load(from + i));
  }
#pragma clang loop vectorize(disable) unroll(disable)
  for (uint i = whole; i < depth; ++i) to[i] = float(from[i]);
}

// As row_products with one vector, of any length.
template <class T, int kRows, class X>
void dense_products(device const uchar* first, ulong row_bytes, ulong length, uint count, device const X* x,
                    thread float (*sums)[1]) {
  const Columns<X> xs = {{x}};
  row_products<DenseRun<T>, kRows, 1>(first, row_bytes, length / 32, count, xs, sums);
#pragma clang loop unroll(disable)
  for (uint r = 0; r < count; ++r) {
    device const T* row = (device const T*)(first + r * row_bytes);
#pragma clang loop vectorize(disable) unroll(disable)
    for (ulong k = length & ~31ul; k < length; ++k) sums[r][0] += float(row[k]) * float(x[k]);
  }
}

}  // namespace anymetal
