#pragma once
/// \file
/// The control flow of a thread function, as everything that makes lanes of it sees it.

#include <llvm/Analysis/LoopInfo.h>
#include <llvm/Analysis/PostDominators.h>
#include <llvm/IR/Dominators.h>

#include <vector>

#include "device/cpu/execution_order.hpp"

namespace anymetal::device::cpu {

/// Valid as long as the blocks of the function and their branches stay.
struct ThreadFlow {
  explicit ThreadFlow(llvm::Function& function)
      : dominators(function),
        post_dominators(function),
        loops(dominators),
        order(execution_order(function, dominators, loops)) {}

  llvm::DominatorTree dominators;
  llvm::PostDominatorTree post_dominators;
  llvm::LoopInfo loops;
  std::vector<llvm::BasicBlock*> order;
};

}  // namespace anymetal::device::cpu
