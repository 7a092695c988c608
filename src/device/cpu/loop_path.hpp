#pragma once
/// \file
/// The loop path: a kernel without synchronisation becomes loops over threadgroups and threads.

#include "device/cpu/lanes_path.hpp"
#include "device/cpu/thread_function.hpp"

#include <string>
#include <string_view>

namespace anymetal::device::cpu {

struct LoopCode {
  llvm::Function* run = nullptr;     ///< RunGroups
  std::uint64_t largest_buffer = 0;  ///< KernelTable::largest_buffer
  bool as_vectors = false;           ///< threads run as vectors
  std::string obstacle = {};         ///< why they do not; empty where nothing would be gained
};

/// Emits `RunGroups` under the name `label`, with the thread inlined into a loop nest whose innermost loop (x) LLVM may
/// vectorise: threads of a grid are unordered, so their plain accesses do not depend on each other. Where LLVM would
/// not, and the emitter of the lanes path can, that loop takes 16 or 32 threads at a time (vector_threads.hpp); not
/// without `vectors`. With `one_thread` the thread is run once for a threadgroup.
LoopCode emit_loop_path(const ThreadFunction& thread, std::string_view label, bool one_thread,
                        const CodeGenerator& generator, const LanesOptions* vectors);

}  // namespace anymetal::device::cpu
