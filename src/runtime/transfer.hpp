#pragma once
/// \file
/// The checks that make a copy or a fill safe to run.

#include <cstddef>
#include <span>
#include <string_view>

#include "device/backend.hpp"

namespace anymetal::detail {

/// Where a range of a buffer begins.
struct TransferRange {
  const Buffer& buffer;
  std::size_t offset;
};

/// Appends the arguments of command `label` to `list`: `bytes` bytes each, the range that is written first.
/// InvalidBinding for a buffer of no or another device and for a wrapped one that would be written, InvalidArgument for
/// a range past an end and for ranges that overlap; then, and where there are no bytes, nothing was appended.
Result<void> bind_transfer(const device::Backend& backend, std::string_view label,
                           std::span<const TransferRange> ranges, std::size_t bytes, device::CommandList& list);

}  // namespace anymetal::detail
