#pragma once
/// \file
/// Command lists that one thread runs by itself.

#include "device/backend.hpp"
#include "device/cpu/worker_arena.hpp"

namespace anymetal::device::cpu {

/// Whether the list is expected to end before another thread could help with it. Thread contract: safe from any thread.
[[nodiscard]] bool is_short(const CommandList& list);

/// Runs the dispatches of a list one after the other on the calling thread, up to the first that fails. Thread contract:
/// one thread at a time for an arena.
Result<void> run_in_order(const CommandList& list, WorkerArena& arena);

}  // namespace anymetal::device::cpu
