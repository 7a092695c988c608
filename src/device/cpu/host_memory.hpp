#pragma once
/// \file
/// Memory of the CPU device: plain host memory.

#include "device/backend.hpp"

namespace anymetal::device::cpu {

/// Zero-filled; pages of large allocations come from the system when first touched. OutOfMemory on failure.
Result<std::shared_ptr<Memory>> allocate_host_memory(std::size_t bytes);
/// The caller's memory itself; `owner` keeps it alive.
std::shared_ptr<Memory> wrap_host_memory(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

}  // namespace anymetal::device::cpu
