#pragma once
/// \file
/// Parameters that every generated NVIDIA kernel takes after its own: shared by code generation and launch.

#include <cstdint>

namespace anymetal::device::cuda {

/// One i32 kernel parameter each, in this order. A grid whose edge threadgroups are clipped in more than x is launched in
/// pieces of equal threadgroups, so positions come from the hardware registers plus `group_offset`.
struct LaunchParameters {
  std::uint32_t threads[3];       ///< threads_per_grid
  std::uint32_t group_offset[3];  ///< threadgroup position of this piece's first threadgroup
  std::uint32_t group_size[3];    ///< dispatch_threads_per_threadgroup
  std::uint32_t groups[3];        ///< threadgroups_per_grid
};
inline constexpr unsigned kLaunchParameterCount = 12;
static_assert(sizeof(LaunchParameters) == 4 * kLaunchParameterCount);

}  // namespace anymetal::device::cuda
