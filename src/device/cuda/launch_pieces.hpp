#pragma once
/// \file
/// A dispatch as hardware launches of equal thread blocks.

#include <anymetal/device.hpp>

#include "device/cuda/launched_threadgroups.hpp"

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
/// `step` only threadgroups at multiples of it are launched: block (x, y, z) of a piece is then the one at offset + step * (x, y, z).
void split_launch(Size threads, Size group, std::vector<LaunchPiece>& pieces, const ThreadgroupStep& step = kEveryThreadgroup);

/// The same of merged threadgroups: block (x, y) of a piece is then the one at offset + (across x, down y). False, and nothing
/// done, where they are not to be merged or would have more than `most_threads` threads.
bool merge_launch(Size threads, Size group, std::vector<LaunchPiece>& pieces, const LaunchedThreadgroups& asked, std::size_t most_threads);

}  // namespace anymetal::device::cuda
