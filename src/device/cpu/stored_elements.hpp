#pragma once
/// \file
/// Private vectors that are read as vectors of other elements than they were stored as.

#include <llvm/IR/PassManager.h>

namespace anymetal::device::cpu {

/// Loads such vectors as the elements that were stored, and makes of them what is wanted. The first two of three
/// numbers, handed to a function as x86 hands on eight bytes, are stored as three words and loaded as two doubles: LLVM
/// leaves such a variable in memory, where it keeps a kernel from running as lanes. To run before SROA.
struct LoadStoredElements : llvm::PassInfoMixin<LoadStoredElements> {
  static llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace anymetal::device::cpu
