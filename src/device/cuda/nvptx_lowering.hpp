#pragma once
/// \file
/// Turns an entry of docs/entry-ir.md into an NVPTX kernel function, in place.

#include <anymetal/error.hpp>

#include "device/cuda/parameter_layout.hpp"
#include "msl/parsed_source.hpp"

#include <llvm/IR/PassManager.h>

#include <string>

namespace llvm {
class Function;
class Module;
}  // namespace llvm

namespace anymetal::device::cuda {

/// Replaces the entry by a kernel named `kernel_name` with the parameters of `layout`: buffers become global-memory
/// pointers, values lie in parameter space, dynamic threadgroup arguments become byte offsets into dynamic shared memory,
/// `LaunchParameters` follow; static threadgroup globals move to shared memory; positions become special registers;
/// questions about `capability` are answered. Simdgroup calls are still there: see lower_simdgroup_calls.
Result<llvm::Function*> lower_entry(msl::SpecialisedKernel& kernel, const ParameterLayout& layout,
                                    const std::string& kernel_name, unsigned capability);

/// Replaces simdgroup functions, barriers, fences and approximate mathematics. Needs `kernel` after address-space
/// inference, so that uniform control flow is seen as such.
Result<void> lower_simdgroup_calls(llvm::Function& kernel, llvm::FunctionAnalysisManager& analyses, unsigned capability);

}  // namespace anymetal::device::cuda
