#pragma once
/// \file
/// The order in which threads that diverged pass through the blocks of a function.

#include <vector>

namespace llvm {
class BasicBlock;
class DominatorTree;
class Function;
class LoopInfo;
}  // namespace llvm

namespace anymetal::device::cpu {

/// Reachable blocks such that each comes after all its forward predecessors, the blocks of a loop stand together, and
/// what follows a loop comes after all of it. Running the lowest block first thus makes threads meet again at the
/// immediate post-dominator of the branch that parted them.
std::vector<llvm::BasicBlock*> execution_order(llvm::Function& function, const llvm::DominatorTree& dominators,
                                               const llvm::LoopInfo& loops);

}  // namespace anymetal::device::cpu
