// Planes whose rows become columns, for NVIDIA GPUs.
#pragma once
#include <metal_stdlib>

namespace anymetal {

constant constexpr uint kTransposedBlock = 6144;  // elements for the blocks of the largest threadgroup, whatever its shape

// store(p, load(p)) for what a threadgroup of `size` does of a plane's places p below `extent`, from `begin` on: a block of two by two
// threadgroups, a thread four places. Neighbours of a simdgroup load what lies side by side in x, or in y, and store what lies side by side in
// the other. All threads must call.
template <bool kLoadsAlongX, class T, class Load, class Store>
void transpose_block(threadgroup T* tile, metal::uint2 begin, metal::uint3 in_group, metal::uint3 size, metal::uint2 extent, Load load, Store store) {
  const uint index = in_group.y * size.x + in_group.x, pitch = 2 * size.y + 1;
  const metal::uint2 along_x = in_group.xy, along_y = metal::uint2(index / size.y, index % size.y);
  const metal::uint2 loaded = kLoadsAlongX ? along_x : along_y, stored = kLoadsAlongX ? along_y : along_x;
  tile += in_group.z * 2 * size.x * pitch;
  const auto is_inside = [&](metal::uint2 p) { return p.x < extent.x && p.y < extent.y; };
  T values[4];
#pragma unroll
  for (uint i = 0; i < 4; ++i) {
    const metal::uint2 p = begin + loaded + metal::uint2(i % 2, i / 2) * size.xy;
    if (is_inside(p)) values[i] = load(p);
  }
#pragma unroll
  for (uint i = 0; i < 4; ++i) {
    const metal::uint2 p = loaded + metal::uint2(i % 2, i / 2) * size.xy;
    if (is_inside(begin + p)) tile[p.x * pitch + p.y] = values[i];
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
#pragma unroll
  for (uint i = 0; i < 4; ++i) {
    const metal::uint2 p = stored + metal::uint2(i % 2, i / 2) * size.xy;
    if (is_inside(begin + p)) store(begin + p, tile[p.x * pitch + p.y]);
  }
}

// out[c, r] = x[r, c] of 16-bit elements for a block of 4 a rows by 4 b columns from (row0, col0) on, by a * b threads: a thread loads four elements
// of each of two rows, twice, makes words of two rows' elements of them, and stores words of columns. Rows and columns are multiples of four.
// a is a power of two. `words` has 8 a b elements, a column's 2 a of them side by side in an order of its own, so that neighbours meet in no bank.
// All threads must call; those of planes that are not there take no part.
template <class T>
void transpose_words(threadgroup uint* words, device const T* x, device T* out, uint rows, uint cols, uint row0, uint col0, uint a, uint b, uint index, bool there) {
  const auto place = [=](uint column, uint pair) { return column * 2 * a + (pair ^ (((column >> 1 & ~1u) | (column & 1)) & (2 * a - 1))); };
  metal::uint2 upper[2] = {}, lower[2] = {};
#pragma unroll
  for (uint k = 0; k < 2; ++k) {
    const uint row = row0 + 2 * (index / b + k * a), col = col0 + 4 * (index % b);
    if (there && row < rows && col < cols) {
      device const T* from = x + ulong(row) * cols + col;
      upper[k] = *(device const metal::uint2*)from;
      lower[k] = *(device const metal::uint2*)(from + cols);
    }
  }
#pragma unroll
  for (uint k = 0; k < 2; ++k) {
    const uint column = 4 * (index % b), pair = index / b + k * a;
    for (uint e = 0; e < 2; ++e) {
      words[place(column + 2 * e, pair)] = (upper[k][e] & 0xffff) | lower[k][e] << 16;
      words[place(column + 2 * e + 1, pair)] = upper[k][e] >> 16 | (lower[k][e] & 0xffff0000);
    }
  }
  metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
#pragma unroll
  for (uint k = 0; k < 4; ++k) {
    const uint four = index % a, column = index / a + k * b, row = row0 + 4 * four, col = col0 + column;
    if (there && row < rows && col < cols) {
      *(device metal::uint2*)(out + ulong(col) * rows + row) = metal::uint2(words[place(column, 2 * four)], words[place(column, 2 * four + 1)]);
    }
  }
}

// out[c, r] = x[r, c] for what a threadgroup at `group` of a grid (columns, rows, planes), or (rows, columns, planes) where kRowsAlongX, does of its
// planes, x and out of the thread's own: blocks of two by two threadgroups, of 16-bit elements of four by four, of which only the first one works.
// All threads must call.
template <bool kRowsAlongX, class T, uint kWords>
void transpose_plane(threadgroup uint (&words)[kWords], device const T* x, device T* out, uint rows, uint cols, bool there, metal::uint2 at, metal::uint3 in_group,
                     metal::uint2 group, metal::uint3 size) {
  constexpr uint kTaken = sizeof(T) == 2 ? 4 : 2;
  static_assert(kWords * sizeof(uint) >= kTransposedBlock * sizeof(T), "for any threadgroup");
  nvidia::take_every_threadgroup<kTaken, kTaken>();
  if (group.x % kTaken != 0 || group.y % kTaken != 0) return;
  const metal::uint2 begin = at - in_group.xy;
  if (sizeof(T) == 2 && rows % 4 == 0 && cols % 4 == 0 && (ulong(x) | ulong(out)) % 8 == 0) {
    const uint a = kRowsAlongX ? size.x : size.y, b = kRowsAlongX ? size.y : size.x, needed = 8 * a * b;
    if (metal::popcount(a) == 1 && needed * size.z <= kWords) {
      transpose_words(words + in_group.z * needed, x, out, rows, cols, kRowsAlongX ? begin.x : begin.y, kRowsAlongX ? begin.y : begin.x, a, b,
                      in_group.y * size.x + in_group.x, there);
      return;
    }
  }
  const metal::uint2 extent = there ? kRowsAlongX ? metal::uint2(rows, cols) : metal::uint2(cols, rows) : metal::uint2(0);
  for (uint block = 0; block < kTaken * kTaken / 4; ++block) {
    if (block != 0) metal::threadgroup_barrier(metal::mem_flags::mem_threadgroup);
    transpose_block<!kRowsAlongX>((threadgroup T*)words, begin + 2 * size.xy * metal::uint2(block % 2, block / 2), in_group, size, extent,
                                  [&](metal::uint2 p) { return x[kRowsAlongX ? ulong(p.x) * cols + p.y : ulong(p.y) * cols + p.x]; },
                                  [&](metal::uint2 p, T v) { out[kRowsAlongX ? ulong(p.y) * rows + p.x : ulong(p.x) * rows + p.y] = v; });
  }
}

}  // namespace anymetal
