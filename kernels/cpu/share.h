// What one core takes of an axis of a grid.
#pragma once
#include <metal_stdlib>

namespace anymetal {

// The elements, from .x up to .y, of an axis of n that a threadgroup at `group` has, of `size` each, that works for as many
// neighbours as have `most` elements together; none where another one works for it.
inline metal::uint2 share_of(uint group, uint size, uint n, uint most) {
  const uint together = metal::max(1u, most / size);
  if (group % together != 0) return metal::uint2(n, n);
  const uint begin = uint(metal::min(ulong(group) * size, ulong(n)));
  return metal::uint2(begin, uint(metal::min(ulong(begin) + ulong(together) * size, ulong(n))));
}

}  // namespace anymetal
