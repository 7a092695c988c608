#pragma once
/// \file
/// Runs a threadgroup whose threads meet at barriers.

#include <string_view>

#include "device/backend.hpp"
#include "device/cpu/kernel_abi.hpp"

namespace anymetal::device::cpu {

/// Runs the threadgroup `context` describes, with arenas large enough for it. False where threads wait at different
/// barriers: none of these barriers can ever complete, and the group is abandoned.
bool run_threadgroup(const KernelTable& kernel, GroupContext& context);

/// Runs threadgroups `first` up to `last` (linear, x fastest) on whatever path the kernel takes. False as above.
bool run_threadgroups(const DispatchCode& code, GroupContext& context, std::uint64_t first, std::uint64_t last);

/// The error of a dispatch of which a threadgroup was abandoned: InvalidDispatch.
[[nodiscard]] Result<void> stuck_at_barriers(std::string_view label);

}  // namespace anymetal::device::cpu
