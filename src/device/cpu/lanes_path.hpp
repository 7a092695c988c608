#pragma once
/// \file
/// The lanes path: a full simdgroup runs as vectors of 32 lanes; only threadgroup barriers suspend it.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "device/cpu/thread_function.hpp"

namespace anymetal::device::cpu {

class CodeGenerator;

struct LanesOptions {
  /// Whether the verifiers look at what was found out and emitted: region_verifier.hpp, shape_verifier.hpp.
  bool verify = false;
  /// Called with the function that runs a simdgroup as it was emitted, before anything looks at it.
  std::function<void(llvm::Function&)> emitted = {};
};

/// What the lanes path adds to a module; or why it cannot take the kernel, and then nothing was added.
struct LanesCode {
  llvm::Function* start = nullptr;    ///< StartSimdgroup
  llvm::Function* advance = nullptr;  ///< AdvanceSimdgroup
  std::uint64_t frame_stride = 0;
  std::uint64_t largest_buffer = 0;  ///< KernelTable::largest_buffer
  std::string obstacle;
  bool broken = false;  ///< the obstacle is what a verifier found
};

/// Emits functions named after `label` that replace `thread`, which must be regularised; it is erased where they were
/// made.
Result<LanesCode> emit_lanes_path(const ThreadFunction& thread, std::string_view label, const CodeGenerator& generator,
                                  const LanesOptions& options = {});

}  // namespace anymetal::device::cpu
