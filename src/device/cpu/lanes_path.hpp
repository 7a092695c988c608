#pragma once
/// \file
/// The lanes path: a simdgroup runs as vectors of 32 lanes; only threadgroup barriers suspend it.

#include <llvm/ADT/STLFunctionalExtras.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "device/cpu/lane_merging.hpp"
#include "device/cpu/lane_shapes.hpp"
#include "device/cpu/thread_flow.hpp"
#include "device/cpu/thread_function.hpp"

namespace anymetal::device::cpu {

class CodeGenerator;

struct LanesOptions {
  /// Which threads run together. Where a simdgroup's threads do something together they must be whole simdgroups: 32
  /// wide, in rows of a multiple of 32 or threadgroups of one row.
  LaneRows rows = {};
  /// Whether buffers may have any size: nothing is emitted that is true only up to kLargestLaneBuffer.
  bool any_buffer = false;
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
  MergingLimits merging;
  std::string obstacle;
  bool broken = false;  ///< the obstacle is what a verifier found
};

/// What runs threads of a kernel whose threads never meet beside each other; or why there is none.
struct LanesBody {
  /// Takes what the thread takes, its position being that of the first, then two pointers: one unused, and one to a
  /// word that it writes.
  llvm::Function* function = nullptr;
  bool relies_on_small_buffers = false;  ///< true only in buffers of up to kLargestLaneBuffer
  std::string obstacle = {};             ///< why there is no function
};

/// Why a kernel gains nothing by running as vectors, or empty.
using LanesLoss = llvm::function_ref<std::string(const ThreadFlow&, const LaneShapes&)>;

/// Emits it beside `thread`, which must be regularised and stays; nothing where it cannot be or does not pay.
LanesBody emit_lanes_body(const ThreadFunction& thread, std::string_view label, const CodeGenerator& generator,
                          const LanesOptions& options, LanesLoss loss);

/// Emits functions named after `label` that replace `thread`, which must be regularised; it is erased where they were
/// made.
Result<LanesCode> emit_lanes_path(const ThreadFunction& thread, std::string_view label, const CodeGenerator& generator,
                                  const LanesOptions& options = {});

}  // namespace anymetal::device::cpu
