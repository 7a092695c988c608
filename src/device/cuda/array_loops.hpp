#pragma once
/// \file
/// Marks the loops that stand between a thread's arrays and registers.

#include <llvm/IR/PassManager.h>

namespace llvm {
class Function;
}

namespace anymetal::device::cuda {

/// Asks for complete unrolling of every loop of few, known trips that indexes a local array by something that changes from
/// trip to trip: unrolled, the indices are constants and the array becomes registers. Left alone, it would lie in local
/// memory, which is device memory.
void unroll_array_loops(llvm::Function& kernel, llvm::FunctionAnalysisManager& analyses);

}  // namespace anymetal::device::cuda
