#pragma once
/// \file
/// Copies and fills: commands that need no kernel, in pieces that threads can share.

#include <cstdint>

#include "device/backend.hpp"

namespace anymetal::device::cpu {

[[nodiscard]] inline bool is_transfer(const Dispatch& dispatch) { return dispatch.kind != Dispatch::Kind::Kernel; }
/// How many pieces the command is cut into.
[[nodiscard]] std::uint64_t transfer_pieces(const CommandList& list, const Dispatch& command);
/// What one core is expected to take for all of it.
[[nodiscard]] double expected_transfer_nanoseconds(const CommandList& list, const Dispatch& command);
/// Runs the pieces from `first` to before `last`.
void run_transfer(const CommandList& list, const Dispatch& command, std::uint64_t first, std::uint64_t last);

}  // namespace anymetal::device::cpu
