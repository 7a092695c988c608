#include <metal_stdlib>
#include "cpu/share.h"
#include "cpu/wide.h"
using namespace metal;
using namespace anymetal;

// kernels: transpose_2d_f32 transpose_2d_f16 transpose_last2_bf16 transpose_last2_f16

typedef ushort Ushort16 __attribute__((ext_vector_type(16)));

// Sixteen elements as bits.
template <class T>
struct Bits {
  typedef Ushort16 V;
};
template <>
struct Bits<float> {
  typedef Uint16 V;
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

constant constexpr uint kBlock = 64;         // rows and columns of a block
constant constexpr uint kPitch = kBlock + 16;  // of a block's rows: no two of them fall into the same lines of the cache
constant constexpr uint kColumnsAtOnce = 256;  // for which one threadgroup works

// Copies `count` rows of a block.
template <class To, class From>
void copy_block(To to, ulong to_pitch, From from, ulong from_pitch, uint count) {
#pragma unroll 4
  for (uint i = 0; i < count; ++i) __builtin_memcpy(to + i * to_pitch, from + i * from_pitch, kBlock * sizeof(*to));
}

// Stores the rows of a block, past the caches where `is_past`.
template <class T>
void store_block(device T* to, ulong to_pitch, thread const T* from, bool is_past) {
  if (!is_past) return copy_block(to, to_pitch, from, kPitch, kBlock);
  typedef uchar Line __attribute__((ext_vector_type(64)));
  typedef uchar UnalignedLine __attribute__((ext_vector_type(64), aligned(2)));
#pragma unroll 4
  for (uint i = 0; i < kBlock; ++i) {
#pragma unroll
    for (uint j = 0; j < kBlock; j += 64 / sizeof(T)) {
      __builtin_nontemporal_store(*(thread const UnalignedLine*)(from + i * kPitch + j), (device Line*)(to + i * to_pitch + j));
    }
  }
}

// Asks for `count` rows of a block for reading, or for writing.
template <bool for_writing, class T>
void ask_for_rows(device const T* at, ulong pitch, uint count) {
#pragma unroll 4
  for (uint i = 0; i < count; ++i) {
#pragma unroll
    for (uint j = 0; j < kBlock; j += 64 / sizeof(T)) __builtin_prefetch(at + i * pitch + j, for_writing, for_writing ? 3 : 2);
  }
}

// Transposes a tile of 16 x 16 whose rows lie `from_pitch` and `to_pitch` apart.
template <class T, class From, class To>
void move_tile(From from, ulong from_pitch, To to, ulong to_pitch) {
  typedef typename Bits<T>::V V;
  V tile[16];
#pragma unroll
  for (uint k = 0; k < 16; ++k) __builtin_memcpy(&tile[k], from + k * from_pitch, sizeof(V));
  transpose_tile(tile);
#pragma unroll
  for (uint k = 0; k < 16; ++k) __builtin_memcpy(to + k * to_pitch, &tile[k], sizeof(V));
}

// out[c * rows + r] = x[r * columns + c] for a range of rows and columns. A block is brought near before its tiles are transposed
// in registers: its rows lie in a page each, and several lines of a page are read and written together.
template <class T>
void transpose_range(device const T* x, device T* out, uint rows, uint columns, uint2 row_range, uint2 column_range, ulong bytes) {
  // Lines far apart take long to be read first: sooner than elsewhere they are written past the caches.
  const bool is_past = bytes >= kStreamedBytes / 2 && ulong(out) % 64 == 0 && rows % kBlock == 0 && row_range.x % kBlock == 0;
  for (uint r = row_range.x; r < row_range.y; r += kBlock) {
    for (uint c = column_range.x; c < column_range.y; c += kBlock) {
      const uint height = min(kBlock, row_range.y - r), width = min(kBlock, column_range.y - c);
      device const T* from = x + ulong(r) * columns + c;
      device T* to = out + ulong(c) * rows + r;
      if (height == kBlock && width == kBlock) {
        alignas(64) T near[kBlock * kPitch], turned[kBlock * kPitch];
        copy_block((thread T*)near, kPitch, from, columns, kBlock);
        for (uint i = 0; i < kBlock; i += 16) {
          // Meanwhile the next block's rows arrive, and those that this one is written to.
          ask_for_rows<false>(from + ulong(i) * columns + kBlock, columns, 16);
          if (!is_past) ask_for_rows<true>(to + ulong(i) * rows, rows, 16);
          for (uint j = 0; j < kBlock; j += 16) {
            move_tile<T>((thread const T*)near + i * kPitch + j, kPitch, (thread T*)turned + j * kPitch + i, kPitch);
          }
        }
        store_block(to, rows, (thread const T*)turned, is_past);
        continue;
      }
      for (uint i = 0; i < height; i += 16) {
        for (uint j = 0; j < width; j += 16) {
          if (i + 16 <= height && j + 16 <= width) {
            move_tile<T>(from + ulong(i) * columns + j, columns, to + ulong(j) * rows + i, rows);
            continue;
          }
          for (uint k = i; k < min(i + 16, height); ++k) {
#pragma clang loop vectorize(disable) unroll(disable)
            for (uint l = j; l < min(j + 16, width); ++l) to[ulong(l) * rows + k] = from[ulong(k) * columns + l];
          }
        }
      }
    }
  }
}

/// movement/transpose.metal for a core that takes the elements of several threadgroups.
template <class T>
kernel void transpose_2d(device const T* x [[buffer(0)]],
                         device T* out [[buffer(1)]],
                         constant uint2& shape [[buffer(2)]],
                         uint2 group [[threadgroup_position_in_grid]],
                         uint2 size [[dispatch_threads_per_threadgroup]]) {
  const uint rows = shape.x, columns = shape.y;
  transpose_range(x, out, rows, columns, share_of(group.y, size.y, rows, kBlock), share_of(group.x, size.x, columns, kColumnsAtOnce),
                  2 * sizeof(T) * ulong(rows) * columns);
}

struct Extents {
  uint a, b, c;
};

/// movement/transpose.metal for a core that takes the elements of several threadgroups.
template <class T>
kernel void transpose_last2(device const T* x [[buffer(0)]],
                            device T* out [[buffer(1)]],
                            constant Extents& e [[buffer(2)]],
                            uint3 group [[threadgroup_position_in_grid]],
                            uint3 size [[dispatch_threads_per_threadgroup]]) {
  const Extents extents = e;
  const uint2 planes = share_of(group.z, size.z, extents.a, size.z);
  for (uint a = planes.x; a < planes.y; ++a) {
    const ulong plane = ulong(a) * extents.b * extents.c;
    transpose_range(x + plane, out + plane, extents.b, extents.c, share_of(group.x, size.x, extents.b, kBlock),
                    share_of(group.y, size.y, extents.c, kColumnsAtOnce), 2 * sizeof(T) * ulong(extents.a) * extents.b * extents.c);
  }
}

template [[host_name("transpose_last2_bf16")]] kernel void transpose_last2<bfloat>(device const bfloat*, device bfloat*, constant Extents&, uint3, uint3);
template [[host_name("transpose_last2_f16")]] kernel void transpose_last2<half>(device const half*, device half*, constant Extents&, uint3, uint3);
template [[host_name("transpose_2d_f32")]] kernel void transpose_2d<float>(device const float*, device float*, constant uint2&, uint2, uint2);
template [[host_name("transpose_2d_f16")]] kernel void transpose_2d<half>(device const half*, device half*, constant uint2&, uint2, uint2);
