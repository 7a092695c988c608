#pragma once
/// \file
/// A dispatch as hardware launches of equal thread blocks.

#include <anymetal/device.hpp>

#include <vector>

namespace anymetal::device::cuda {

/// One hardware launch: `grid` blocks of `block` threads, the first at threadgroup position `offset`.
struct LaunchPiece {
  Size offset{0, 0, 0};
  Size grid;
  Size block;
  friend bool operator==(const LaunchPiece&, const LaunchPiece&) = default;
};

/// Splits a grid of `threads` threads in groups of `group`. Threadgroups clipped in x alone stay in one launch where the
/// group is one-dimensional (the kernel ends the threads outside); every other clipped edge is a launch of its own with
/// smaller blocks, so that linear thread indices are those of the clipped group. Respects the hardware's grid limits. With a
/// `step` only threadgroups whose x is a multiple of it are launched: block x of a piece is then the one at offset.x + step x.
void split_launch(Size threads, Size group, std::vector<LaunchPiece>& pieces, std::size_t step = 1);

}  // namespace anymetal::device::cuda
