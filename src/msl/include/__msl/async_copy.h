#pragma once
// What the intrinsics for copies between device and threadgroup memory do that sources declare by their names in Apple's IR
// (msl/air_functions.cpp): the lanes of a SIMD-group copy a tile together, and it is there when the call returns. Events are null.
// Sizes are in elements of `size` bytes. Of the destination what is beyond the source is zero or, with `clamp` 1, the nearest element.
#pragma clang system_header
#include "compute.h"
#include "types.h"

namespace __msl {

struct copied_tile {
  ulong row;  // elements from one row to the next
  metal::ulong2 size;
};

__MSL_INLINE ulong clamped(long at, ulong size) { return at < 0 ? 0 : static_cast<ulong>(at) < size ? static_cast<ulong>(at) : size - 1; }

// `units` of type Unit are an element.
template <class Unit, class To, class From>
__MSL_INLINE void copy_units(ulong units, To to, copied_tile to_tile, From from, copied_tile from_tile, metal::long2 offset, int clamp) {
  const uint threads = __msl_threads_per_threadgroup(0) * __msl_threads_per_threadgroup(1) * __msl_threads_per_threadgroup(2);
  const uint first = __msl_simdgroup_index_in_threadgroup() * 32u;
  const ulong lanes = threads - first < 32u ? threads - first : 32u;
  for (ulong y = 0; y < to_tile.size.y; ++y) {
    for (ulong u = __msl_thread_index_in_simdgroup(); u < to_tile.size.x * units; u += lanes) {
      const long from_x = static_cast<long>(u / units) + offset.x, from_y = static_cast<long>(y) + offset.y;
      const ulong x = clamped(from_x, from_tile.size.x), row = clamped(from_y, from_tile.size.y);
      const bool is_inside = static_cast<ulong>(from_x) == x && static_cast<ulong>(from_y) == row;
      const bool is_there = from_tile.size.x != 0 && from_tile.size.y != 0 && (is_inside || clamp == 1);
      to[y * to_tile.row * units + u] = is_there ? from[(row * from_tile.row + x) * units + u % units] : Unit();
    }
  }
}

#define __MSL_COPY_TILE(name, to_space, from_space)                                                                                \
  template <class Unit>                                                                                                            \
  __MSL_INLINE void name(ulong size, to_space void* to, copied_tile to_tile, const from_space void* from, copied_tile from_tile, \
                         metal::long2 offset, int clamp) {                                                                         \
    copy_units<Unit>(size / sizeof(Unit), static_cast<to_space Unit*>(to), to_tile, static_cast<const from_space Unit*>(from),    \
                     from_tile, offset, clamp);                                                                                    \
  }                                                                                                                                \
  __MSL_INLINE void name(ulong size, ulong alignment, to_space void* to, copied_tile to_tile, const from_space void* from,       \
                         copied_tile from_tile, metal::long2 offset, int clamp) {                                                  \
    const metal::mem_flags both = metal::mem_flags::mem_device | metal::mem_flags::mem_threadgroup;                                \
    metal::simdgroup_barrier(both);                                                                                                \
    if (alignment % 8 == 0) name<ulong>(size, to, to_tile, from, from_tile, offset, clamp);                                        \
    else if (alignment % 4 == 0) name<uint>(size, to, to_tile, from, from_tile, offset, clamp);                                    \
    else if (alignment % 2 == 0) name<ushort>(size, to, to_tile, from, from_tile, offset, clamp);                                  \
    else name<uchar>(size, to, to_tile, from, from_tile, offset, clamp);                                                           \
    metal::simdgroup_barrier(both);                                                                                                \
  }
__MSL_COPY_TILE(load_tile, threadgroup, device)
__MSL_COPY_TILE(store_tile, device, threadgroup)
#undef __MSL_COPY_TILE

}  // namespace __msl

__MSL_INLINE void* __msl_air_load_1d(ulong size, ulong alignment, threadgroup void* to, const device void* from, ulong n) {
  const __msl::copied_tile tile = {n, metal::ulong2(n, 1)};
  return __msl::load_tile(size, alignment, to, tile, from, tile, metal::long2(0), 0), nullptr;
}
__MSL_INLINE void* __msl_air_store_1d(ulong size, ulong alignment, device void* to, const threadgroup void* from, ulong n) {
  const __msl::copied_tile tile = {n, metal::ulong2(n, 1)};
  return __msl::store_tile(size, alignment, to, tile, from, tile, metal::long2(0), 0), nullptr;
}
__MSL_INLINE void* __msl_air_load_2d(ulong size, ulong alignment, threadgroup void* to, ulong to_row, ulong, metal::ulong2 to_size,
                                     const device void* from, ulong from_row, ulong, metal::ulong2 from_size, metal::long2 offset, int clamp) {
  return __msl::load_tile(size, alignment, to, {to_row, to_size}, from, {from_row, from_size}, offset, clamp), nullptr;
}
__MSL_INLINE void* __msl_air_store_2d(ulong size, ulong alignment, device void* to, ulong to_row, ulong, metal::ulong2 to_size,
                                      const threadgroup void* from, ulong from_row, ulong, metal::ulong2 from_size, metal::long2 offset, int clamp) {
  return __msl::store_tile(size, alignment, to, {to_row, to_size}, from, {from_row, from_size}, offset, clamp), nullptr;
}
__MSL_INLINE void __msl_air_wait(int, void*) { metal::simdgroup_barrier(metal::mem_flags::mem_device | metal::mem_flags::mem_threadgroup); }
