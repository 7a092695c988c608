#include <metal_stdlib>
#include "common/lanes.h"
using namespace metal;
using namespace anymetal;

// kernels: transpose_2d_f32 transpose_2d_f16 transpose_last2_bf16 transpose_last2_f16

typedef ushort Ushort16 __attribute__((ext_vector_type(16)));

// Sixteen elements as bits, at any address.
template <class T>
struct Bits {
  typedef Ushort16 V;
  typedef UnalignedUshort16 Unaligned;
};
template <>
struct Bits<float> {
  typedef Uint16 V;
  typedef uint Unaligned __attribute__((ext_vector_type(16), aligned(4)));
};

// Of rows `distance` apart, the elements that lie `distance` to the right in the upper one change places with those to the
// left in the lower one; after 1, 2, 4 and 8 the tile is transposed.
#define EXCHANGE(distance, UPPER, LOWER) \
  for (uint i = 0; i < 16; ++i) { \
    if ((i & distance) != 0) continue; \
    const V a = rows[i], b = rows[i + distance]; \
    rows[i] = __builtin_shufflevector(a, b, UPPER); \
    rows[i + distance] = __builtin_shufflevector(a, b, LOWER); \
  }
#define LIST(...) __VA_ARGS__

template <class V>
void transpose_tile(thread V (&rows)[16]) {
#pragma unroll
  EXCHANGE(1, LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30), LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
#pragma unroll
  EXCHANGE(2, LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29), LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
#pragma unroll
  EXCHANGE(4, LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27), LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
#pragma unroll
  EXCHANGE(8, LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
}

// out[c * rows + r] = x[r * columns + c] for a range of rows and columns, whole tiles of 16 x 16 in registers.
template <class T>
void transpose_range(device const T* x, device T* out, uint rows, uint columns, uint2 row_range, uint2 column_range) {
  typedef typename Bits<T>::Unaligned Unaligned;
  typedef typename Bits<T>::V V;
  for (uint r = row_range.x; r < row_range.y; r += 16) {
    for (uint c = column_range.x; c < column_range.y; c += 16) {
      if (r + 16 <= row_range.y && c + 16 <= column_range.y) {
        V tile[16];
#pragma unroll
        for (uint i = 0; i < 16; ++i) tile[i] = *(device const Unaligned*)(x + ulong(r + i) * columns + c);
        transpose_tile(tile);
#pragma unroll
        for (uint i = 0; i < 16; ++i) *(device Unaligned*)(out + ulong(c + i) * rows + r) = tile[i];
        continue;
      }
      for (uint i = r; i < min(r + 16, row_range.y); ++i) {
        for (uint j = c; j < min(c + 16, column_range.y); ++j) out[ulong(j) * rows + i] = x[ulong(i) * columns + j];
      }
    }
  }
}

// The elements of an axis of n that a threadgroup has.
inline uint2 range_of(uint group, uint size, uint n) {
  const uint begin = min(group * size, n);
  return uint2(begin, min(begin + size, n));
}

/// movement/transpose.metal for a core that takes all elements of a threadgroup.
template <class T>
kernel void transpose_2d(device const T* x [[buffer(0)]],
                         device T* out [[buffer(1)]],
                         constant uint2& shape [[buffer(2)]],
                         uint2 group [[threadgroup_position_in_grid]],
                         uint2 size [[dispatch_threads_per_threadgroup]]) {
  const uint rows = shape.x, columns = shape.y;
  transpose_range(x, out, rows, columns, range_of(group.y, size.y, rows), range_of(group.x, size.x, columns));
}

struct Extents {
  uint a, b, c;
};

/// movement/transpose.metal for a core that takes all elements of a threadgroup.
template <class T>
kernel void transpose_last2(device const T* x [[buffer(0)]],
                            device T* out [[buffer(1)]],
                            constant Extents& e [[buffer(2)]],
                            uint3 group [[threadgroup_position_in_grid]],
                            uint3 size [[dispatch_threads_per_threadgroup]]) {
  const Extents extents = e;
  const uint2 planes = range_of(group.z, size.z, extents.a);
  for (uint a = planes.x; a < planes.y; ++a) {
    const ulong plane = ulong(a) * extents.b * extents.c;
    transpose_range(x + plane, out + plane, extents.b, extents.c, range_of(group.x, size.x, extents.b), range_of(group.y, size.y, extents.c));
  }
}

template [[host_name("transpose_last2_bf16")]] kernel void transpose_last2<bfloat>(device const bfloat*, device bfloat*, constant Extents&, uint3, uint3);
template [[host_name("transpose_last2_f16")]] kernel void transpose_last2<half>(device const half*, device half*, constant Extents&, uint3, uint3);
template [[host_name("transpose_2d_f32")]] kernel void transpose_2d<float>(device const float*, device float*, constant uint2&, uint2, uint2);
template [[host_name("transpose_2d_f16")]] kernel void transpose_2d<half>(device const half*, device half*, constant uint2&, uint2, uint2);
