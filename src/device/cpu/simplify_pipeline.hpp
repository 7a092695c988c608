#pragma once
/// \file
/// How a thread function is brought into its simplest form.

#include <llvm/IR/PassManager.h>

namespace anymetal::device::cpu {

/// What LLVM's simplification of a function at O3 consists of, less the passes that change next to none of the
/// library's kernels (docs/performance-compile.md).
llvm::FunctionPassManager simplification();

}  // namespace anymetal::device::cpu
