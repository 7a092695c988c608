#pragma once
/// \file
/// Turns an entry of docs/entry-ir.md into an NVPTX kernel function, in place.

#include <anymetal/error.hpp>

#include "device/cuda/launched_threadgroups.hpp"
#include "device/cuda/parameter_layout.hpp"
#include "msl/parsed_source.hpp"

#include <string>

namespace llvm {
class Function;
class Module;
}  // namespace llvm

namespace anymetal::device::cuda {

/// What the index of a thread is between lower_entry and lower_thread_index: a call, one for all of its uses.
inline constexpr const char* kThreadIndex = "__msl_thread_index_in_threadgroup";

/// What a kernel asks about its threadgroups. Takes the calls that do so out.
LaunchedThreadgroups take_launched_threadgroups(llvm::Module& module);

/// Replaces the entry by a kernel named `kernel_name` with the parameters of `layout`: buffers become global-memory
/// pointers, values lie in parameter space, dynamic threadgroup arguments become byte offsets into dynamic shared memory,
/// `LaunchParameters` follow; static threadgroup globals move to shared memory; positions become special registers. Simdgroup
/// calls are still there, and kThreadIndex.
Result<llvm::Function*> lower_entry(msl::SpecialisedKernel& kernel, const ParameterLayout& layout,
                                    const std::string& kernel_name, const LaunchedThreadgroups& threadgroups);

/// Replaces simdgroup functions, barriers, fences and approximate mathematics. Needs `kernel` after address-space
/// inference, so that uniform control flow is seen as such.
Result<void> lower_simdgroup_calls(llvm::Function& kernel, unsigned capability);

/// Replaces kThreadIndex, by which lower_simdgroup_calls has known the simdgroup's index. `own_parameters`: how many stand before those of the launch.
void lower_thread_index(llvm::Function& kernel, unsigned own_parameters, const LaunchedThreadgroups& threadgroups);

}  // namespace anymetal::device::cuda
