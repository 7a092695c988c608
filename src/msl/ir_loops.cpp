#include "msl/ir_loops.hpp"

#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Metadata.h>

namespace anymetal::msl {
namespace {

constexpr std::uint64_t kMostCopies = 1024;

/// `llvm.loop.unroll.count` with a smaller count; nullptr where it is small enough, or another hint.
llvm::MDNode* bounded(llvm::Metadata* hint) {
  auto* node = llvm::dyn_cast_or_null<llvm::MDNode>(hint);
  if (node == nullptr || node->getNumOperands() != 2) return nullptr;
  const auto* name = llvm::dyn_cast<llvm::MDString>(node->getOperand(0));
  if (name == nullptr || name->getString() != "llvm.loop.unroll.count") return nullptr;
  const auto* count = llvm::mdconst::dyn_extract<llvm::ConstantInt>(node->getOperand(1));
  if (count == nullptr || count->getValue().ule(kMostCopies)) return nullptr;
  llvm::Constant* most = llvm::ConstantInt::get(count->getType(), kMostCopies);
  return llvm::MDNode::get(node->getContext(), {node->getOperand(0), llvm::ConstantAsMetadata::get(most)});
}

}  // namespace

void bound_unrolling(llvm::Function& f) {
  for (llvm::BasicBlock& block : f) {
    llvm::Instruction* branch = block.getTerminator();
    const llvm::MDNode* loop = branch == nullptr ? nullptr : branch->getMetadata(llvm::LLVMContext::MD_loop);
    if (loop == nullptr) continue;
    llvm::SmallVector<llvm::Metadata*, 4> hints = {nullptr};  // the node itself
    bool is_changed = false;
    for (const llvm::MDOperand& hint : llvm::drop_begin(loop->operands())) {
      llvm::MDNode* smaller = bounded(hint.get());
      is_changed = is_changed || smaller != nullptr;
      hints.push_back(smaller != nullptr ? smaller : hint.get());
    }
    if (!is_changed) continue;
    llvm::MDNode* changed = llvm::MDNode::getDistinct(f.getContext(), hints);
    changed->replaceOperandWith(0, changed);
    branch->setMetadata(llvm::LLVMContext::MD_loop, changed);
  }
}

}  // namespace anymetal::msl
