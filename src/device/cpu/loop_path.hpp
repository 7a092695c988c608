#pragma once
/// \file
/// The loop path: a kernel without synchronisation becomes loops over threadgroups and threads.

#include "device/cpu/thread_function.hpp"

#include <string_view>

namespace anymetal::device::cpu {

/// Emits `RunGroups` under the name `label`, with the thread inlined into a loop nest whose innermost loop (x) LLVM may
/// vectorise: threads of a grid are unordered, so their plain accesses do not depend on each other. With `one_thread` the
/// thread is run once for a threadgroup.
llvm::Function* emit_loop_path(const ThreadFunction& thread, std::string_view label, bool one_thread);

}  // namespace anymetal::device::cpu
