#pragma once
/// \file
/// Bodies, in NVVM intrinsics, of the simdgroup functions of docs/entry-ir.md.

#include <llvm/IR/Function.h>
#include <llvm/IR/Module.h>

namespace anymetal::device::cuda {

/// The internal, always-inlined function that does what `__msl_simd_<name>` does for the lanes in a membership mask:
/// the original parameters, then `i32 mask`. Made on first use. Null where the name is not a simdgroup function.
llvm::Function* simdgroup_function(llvm::Module& module, llvm::StringRef name, unsigned capability);

}  // namespace anymetal::device::cuda
