#pragma once
/// \file
/// Geometry helpers shared by the families.

#include <algorithm>
#include <bit>
#include <cstddef>

namespace anymetal::cases {

[[nodiscard]] constexpr std::size_t divide_up(std::size_t value, std::size_t by) { return (value + by - 1) / by; }

/// The usual row threadgroup: the smallest power of two that covers the row, 256 at most.
[[nodiscard]] inline std::size_t row_threads(std::size_t columns) {
  return std::min<std::size_t>(256, std::bit_ceil(columns));
}

/// The usual flat threadgroup.
[[nodiscard]] constexpr std::size_t flat_threads(std::size_t n) { return std::min<std::size_t>(256, n); }

}  // namespace anymetal::cases
