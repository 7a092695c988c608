#include "device/cpu/unordered_accesses.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/Instructions.h>

namespace anymetal::device::cpu {

llvm::MDNode* mark_unordered_accesses(llvm::ArrayRef<llvm::Instruction*> instructions) {
  if (instructions.empty()) return nullptr;
  auto* mark = llvm::MDNode::getDistinct(instructions.front()->getContext(), {});
  for (auto* instruction : instructions) {
    const auto* load = llvm::dyn_cast<llvm::LoadInst>(instruction);
    const auto* store = llvm::dyn_cast<llvm::StoreInst>(instruction);
    if (!(load && load->isSimple()) && !(store && store->isSimple())) continue;
    llvm::SmallVector<const llvm::Value*, 4> objects;
    llvm::getUnderlyingObjects(llvm::getLoadStorePointerOperand(instruction), objects);
    const bool shared = llvm::all_of(
        objects, [](auto* object) { return llvm::isa<llvm::Argument, llvm::GlobalVariable, llvm::LoadInst>(object); });
    if (!shared) continue;
    auto* known = instruction->getMetadata(llvm::LLVMContext::MD_access_group);
    instruction->setMetadata(llvm::LLVMContext::MD_access_group, llvm::uniteAccessGroups(known, mark));
  }
  return mark;
}

void mark_unordered_loop(llvm::Instruction* latch, llvm::MDNode* mark) {
  auto& context = latch->getContext();
  auto* accesses = llvm::MDNode::get(context, {llvm::MDString::get(context, "llvm.loop.parallel_accesses"), mark});
  auto* loop = llvm::MDNode::getDistinct(context, {nullptr, accesses});
  loop->replaceOperandWith(0, loop);
  latch->setMetadata(llvm::LLVMContext::MD_loop, loop);
}

}  // namespace anymetal::device::cpu
