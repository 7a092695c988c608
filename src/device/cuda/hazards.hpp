#pragma once
/// \file
/// What orders work on a GPU: which memory was touched when, and on which stream.

#include <array>
#include <cstdint>

namespace anymetal::device::cuda {

/// Streams that work may run on at once; the last one is for copies that should overlap with kernels.
inline constexpr unsigned kStreamCount = 5;
inline constexpr unsigned kCopyStream = kStreamCount - 1;

/// A piece of work: the `ticket`-th of its stream. Ticket 0 came before all work.
struct Moment {
  unsigned stream = 0;
  std::uint64_t ticket = 0;
};

/// The last uses of one range of memory that later uses must wait for: a read for the write, a write for both.
/// Thread contract: under the context's submit mutex.
struct Hazards {
  Moment write;
  std::array<std::uint64_t, kStreamCount> reads{};  ///< ticket per stream, all after `write`
};

}  // namespace anymetal::device::cuda
