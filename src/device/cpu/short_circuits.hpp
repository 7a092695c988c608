#pragma once
/// \file
/// The second operand of `&&` and `||`, where asking for it needs no branch.

#include <llvm/IR/PassManager.h>

namespace anymetal::device::cpu {

/// Computes the second operand whether or not the first one has decided, where that is a few operations on numbers:
/// lanes that branch for it take longer than the operations, and loops with such branches do not become vectors. LLVM's
/// own simplification of branches leaves truth values alone, which it might make switches of.
struct JoinShortCircuits : llvm::PassInfoMixin<JoinShortCircuits> {
  static llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses);
};

}  // namespace anymetal::device::cpu
