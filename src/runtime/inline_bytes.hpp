#pragma once
/// \file
/// The `set_bytes` data of a command list.

#include "device/backend.hpp"

#include <cstddef>
#include <span>

namespace anymetal::detail {

/// Copies `bytes` to the end of the list's bytes, aligned; where they are.
std::size_t append_bytes(device::CommandList& list, std::span<const std::byte> bytes);

/// Gives every argument bytes of its own: a binding that stayed for several dispatches can then change in one of them.
void separate_bytes(device::CommandList& list);

}  // namespace anymetal::detail
