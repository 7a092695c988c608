#pragma once
/// \file
/// The CPU device of another processor: kernels are compiled here, and run under an emulator.

#include <memory>
#include <string>

#include "device/cpu/cpu_backend.hpp"

namespace anymetal::test {

/// Compiles for what ANYMETAL_CPU_TARGET names and runs kernels in `command`, a shell's command line that starts a
/// kernel_runner of that processor. Each dispatch copies its buffers there and back; threadgroups run one after the
/// other. Thread contract: safe from any thread, one list at a time.
Result<std::shared_ptr<device::Backend>> make_emulated_backend(const std::string& command,
                                                               const device::cpu::CpuOptions& options = {});

/// The CPU device, or the emulated one where ANYMETAL_TEST_RUNNER has a command.
Result<std::shared_ptr<device::Backend>> cpu_or_emulated(const device::cpu::CpuOptions& options = {});

}  // namespace anymetal::test
