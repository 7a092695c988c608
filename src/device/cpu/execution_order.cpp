#include "device/cpu/execution_order.hpp"

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/PostOrderIterator.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/Dominators.h>

#include <algorithm>

namespace anymetal::device::cpu {
namespace {

using Successors = llvm::DenseMap<llvm::BasicBlock*, llvm::SmallVector<llvm::BasicBlock*, 4>>;

/// Forward edges, and from every block of a loop to every exit of it.
Successors constraints(llvm::ArrayRef<llvm::BasicBlock*> blocks, const llvm::DominatorTree& dominators,
                       const llvm::LoopInfo& loops) {
  Successors edges;
  for (auto* block : blocks)
    for (auto* successor : llvm::successors(block))
      if (!dominators.dominates(successor, block)) edges[block].push_back(successor);
  for (auto* loop : loops.getLoopsInPreorder()) {
    llvm::SmallVector<llvm::BasicBlock*, 4> exits;
    loop->getUniqueExitBlocks(exits);
    for (auto* block : loop->blocks())
      for (auto* exit : exits) edges[block].push_back(exit);
  }
  return edges;
}

/// The block to place next: in the innermost loop of the last one where possible, the newest first.
llvm::BasicBlock* take_next(std::vector<llvm::BasicBlock*>& ready, llvm::BasicBlock* last, const llvm::LoopInfo& loops) {
  auto take = [&](auto found) {
    auto* block = *found;
    ready.erase(found);
    return block;
  };
  for (const llvm::Loop* loop = last ? loops.getLoopFor(last) : nullptr; loop; loop = loop->getParentLoop()) {
    const auto found = std::ranges::find_if(ready, [&](auto* block) { return loop->contains(block); });
    if (found != ready.end()) return take(found);
  }
  return take(ready.end() - 1);
}

}  // namespace

std::vector<llvm::BasicBlock*> execution_order(llvm::Function& function, const llvm::DominatorTree& dominators,
                                               const llvm::LoopInfo& loops) {
  const llvm::ReversePostOrderTraversal<llvm::Function*> traversal(&function);
  const llvm::SmallVector<llvm::BasicBlock*, 32> blocks(traversal.begin(), traversal.end());
  auto edges = constraints(blocks, dominators, loops);
  llvm::DenseMap<llvm::BasicBlock*, unsigned> waiting;
  for (auto& [block, successors] : edges)
    for (auto* successor : successors) ++waiting[successor];

  std::vector<llvm::BasicBlock*> order;
  std::vector<llvm::BasicBlock*> ready{&function.getEntryBlock()};
  while (!ready.empty()) {
    auto* block = take_next(ready, order.empty() ? nullptr : order.back(), loops);
    order.push_back(block);
    for (auto* successor : edges[block])
      if (--waiting[successor] == 0) ready.push_back(successor);
  }
  // Only irreducible flow leaves blocks over: any order is correct for them, it only decides where threads meet again.
  for (auto* block : blocks)
    if (order.size() < blocks.size() && std::ranges::find(order, block) == order.end()) order.push_back(block);
  return order;
}

}  // namespace anymetal::device::cpu
