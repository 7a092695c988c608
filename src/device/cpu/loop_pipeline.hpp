#pragma once
/// \file
/// LLVM's optimisation of a kernel that runs as loops over its threads.

#include <llvm/IR/PassManager.h>

namespace llvm {
class PassBuilder;
}

namespace anymetal::device::cpu {

/// Passes for loops around a thread function that was simplified before it was put into them: what the loops bring with
/// them is hoisted, unswitched and folded, then LLVM's own pipeline of O3 vectorises. The first half of O3, which would
/// simplify the thread function once more, is left out: it takes a third of the time and finds nothing new.
llvm::ModulePassManager loop_pipeline(llvm::PassBuilder& builder);

}  // namespace anymetal::device::cpu
