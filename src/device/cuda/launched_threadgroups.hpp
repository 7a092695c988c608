#pragma once
/// \file
/// Which threadgroups of a dispatch are launched, as its kernel asks (`<anymetal_nvidia>`): shared by code generation and launch.

#include <array>

namespace anymetal::device::cuda {

/// By axis: threadgroups at positions that are no multiples of these do nothing.
using ThreadgroupStep = std::array<unsigned, 3>;
inline constexpr ThreadgroupStep kEveryThreadgroup = {1, 1, 1};

struct LaunchedThreadgroups {
  ThreadgroupStep step = kEveryThreadgroup;  ///< positions count on it

  /// Rectangles of so many threadgroups are merged, each to one threadgroup at the place of its first that has `wider` times the
  /// threads in x, where a dispatch has at least `least` of them and no threadgroup of it is clipped. Never where `wider` is 1.
  unsigned across = 1;
  unsigned down = 1;
  unsigned wider = 1;
  unsigned least = 0;

  friend bool operator==(const LaunchedThreadgroups&, const LaunchedThreadgroups&) = default;
};

}  // namespace anymetal::device::cuda
