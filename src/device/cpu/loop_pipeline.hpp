#pragma once
/// \file
/// LLVM's optimisation of a kernel that runs as loops over its threads.

#include <llvm/IR/PassManager.h>

namespace anymetal::device::cpu {

/// Passes for loops around a thread function that was simplified before it was put into them: what the loops bring with
/// them is hoisted, unswitched and folded, then loops are vectorised and unrolled. Of LLVM's O3, what would simplify the
/// thread function once more is left out, and so are passes that took time and made no kernel faster
/// (docs/performance-compile.md): above all vectorising straight code.
llvm::ModulePassManager loop_pipeline();

}  // namespace anymetal::device::cpu
