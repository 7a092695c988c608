// Planes whose rows become columns, for NVIDIA GPUs.
#pragma once
#include <metal_stdlib>

namespace anymetal {

constant constexpr uint kTransposedBlock = 6144;  // elements for the blocks of the largest threadgroup, whatever its shape

// store(p, load(p)) for what a threadgroup of a grid (x, y, z) does of a plane's places p below `extent`: a block of two by two threadgroups,
// of which only those at even x and y work, a thread four places. Neighbours of a simdgroup load what lies side by side in x, or in y, and
// store what lies side by side in the other. All threads must call.
template <bool kLoadsAlongX, class T, class Load, class Store>
void transpose_blocks(threadgroup T* tile, metal::uint3 at, metal::uint3 in_group, metal::uint2 group, metal::uint3 size, metal::uint2 extent, Load load, Store store) {
  nvidia::take_every_threadgroup<2, 2>();
  if (group.x % 2 != 0 || group.y % 2 != 0) return;
  const metal::uint2 begin = at.xy - in_group.xy;
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

}  // namespace anymetal
