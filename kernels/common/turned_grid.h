// Grids of two dimensions whose y counts what lies side by side in memory.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// The place of a thread among its threadgroup's, dealt out along y first, so that a simdgroup's accesses lie side by side.
inline metal::uint2 turned(metal::uint2 at, metal::uint2 in_group, metal::uint2 size) {
  const uint index = in_group.y * size.x + in_group.x;
  return at - in_group + metal::uint2(index / size.y, index % size.y);
}

}  // namespace anymetal
