#pragma once
/// \file
/// Sizes and offsets in memory.

#include <cstddef>

namespace anymetal::device {

/// The first multiple of `alignment`, which need be no power of two, from `bytes` on.
constexpr std::size_t aligned(std::size_t bytes, std::size_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace anymetal::device
