#pragma once
/// \file
/// What the stand-in driver tells of itself.

#include <cstddef>
#include <cstdint>

namespace anymetal::test {

struct StandinLaunch {
  unsigned grid[3];
  unsigned block[3];
  unsigned shared;
  std::uint64_t first_parameter;
};

struct StandinState {
  std::size_t calls;
  std::size_t device_allocations;  ///< not yet released
  std::size_t host_allocations;
  long modules;
  long links;
  long context_depth;
  std::size_t launches;
  StandinLaunch last_launch;
};

}  // namespace anymetal::test
