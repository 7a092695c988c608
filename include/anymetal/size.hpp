#pragma once
/// \file
/// Extents of grids and threadgroups.

#include <cstddef>

namespace anymetal {

/// An extent in threads or threadgroups.
struct Size {
  std::size_t x = 1;
  std::size_t y = 1;
  std::size_t z = 1;
  friend bool operator==(const Size&, const Size&) = default;
};

}  // namespace anymetal
