#include "device/cpu/short_circuits.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>

namespace anymetal::device::cpu {
namespace {

/// More of them than take the time of a branch of lanes would not be worth it.
constexpr unsigned kFew = 6;

bool is_cheap(const llvm::Instruction& instruction) {
  return (llvm::isa<llvm::BinaryOperator, llvm::CmpInst, llvm::CastInst, llvm::SelectInst>(instruction) &&
          llvm::isSafeToSpeculativelyExecute(&instruction)) ||
         instruction.isTerminator();
}

/// The block that asks for the second operand of a condition decided in `joint`, or null.
llvm::BasicBlock* second_operand(llvm::BasicBlock& joint) {
  if (!joint.hasNPredecessors(2) || !llvm::isa<llvm::PHINode>(joint.front())) return nullptr;
  if (!llvm::all_of(joint.phis(), [](const llvm::PHINode& phi) { return phi.getType()->isIntegerTy(1); }))
    return nullptr;
  for (auto* block : llvm::predecessors(&joint)) {
    const auto* before = block->getSinglePredecessor();
    const auto* branch = before ? llvm::dyn_cast<llvm::BranchInst>(before->getTerminator()) : nullptr;
    if (before == &joint || !branch || !branch->isConditional() || block->getSingleSuccessor() != &joint) continue;
    if (branch->getSuccessor(0) != &joint && branch->getSuccessor(1) != &joint) continue;
    if (block->size() <= kFew + 1 && llvm::all_of(*block, is_cheap)) return block;
  }
  return nullptr;
}

void join(llvm::BasicBlock& second, llvm::BasicBlock& joint) {
  auto* before = second.getSinglePredecessor();
  auto* branch = llvm::cast<llvm::BranchInst>(before->getTerminator());
  const bool asks_if = branch->getSuccessor(0) == &second;
  before->splice(branch->getIterator(), &second, second.begin(), second.getTerminator()->getIterator());
  llvm::IRBuilder<> builder(branch);
  for (auto& phi : llvm::make_early_inc_range(joint.phis())) {
    auto *asked = phi.getIncomingValueForBlock(&second), *decided = phi.getIncomingValueForBlock(before);
    auto* either = builder.CreateSelect(branch->getCondition(), asks_if ? asked : decided, asks_if ? decided : asked);
    phi.replaceAllUsesWith(either);
    phi.eraseFromParent();
  }
  builder.CreateBr(&joint);
  branch->eraseFromParent();
  llvm::DeleteDeadBlock(&second);
}

}  // namespace

llvm::PreservedAnalyses JoinShortCircuits::run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
  bool changed = false;
  llvm::SmallVector<llvm::BasicBlock*, 16> joints;  // none of which is a second operand
  for (auto& block : function)
    if (block.hasNPredecessors(2)) joints.push_back(&block);
  for (auto* joint : joints)
    if (auto* second = second_operand(*joint)) {
      join(*second, *joint);
      changed = true;
    }
  return changed ? llvm::PreservedAnalyses::none() : llvm::PreservedAnalyses::all();
}

}  // namespace anymetal::device::cpu
