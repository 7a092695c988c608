#pragma once
/// \file
/// What a Buffer handle shares.

#include "device/backend.hpp"

#include <memory>

namespace anymetal::detail {

/// Thread contract: immutable; the memory's own contract holds for its content.
struct BufferState {
  std::shared_ptr<device::Backend> backend;  ///< declared first: the device outlives its memory
  std::shared_ptr<device::Memory> memory;
  bool writable = true;
};

}  // namespace anymetal::detail
