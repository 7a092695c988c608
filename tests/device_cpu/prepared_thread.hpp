#pragma once
// Kernels in the form from which the ways of running threads start.

#include <string_view>

#include "device/cpu/code_generator.hpp"
#include "device/cpu/thread_function.hpp"
#include "ir_kernel.hpp"

namespace anymetal::test {

/// A kernel for a processor, its entry made the function of one thread.
struct PreparedThread {
  msl::SpecialisedKernel kernel;
  device::cpu::CodeGenerator generator;
  device::cpu::ThreadFunction thread;
};

/// Simplified, for this host.
PreparedThread prepare_thread(msl::SpecialisedKernel kernel);
inline PreparedThread prepare_thread(std::string_view ir) { return prepare_thread(parse_kernel(ir)); }
/// As it is written, in the form that lanes are made from.
PreparedThread prepare_as_written(std::string_view ir, const device::cpu::HostTarget& target);

}  // namespace anymetal::test
