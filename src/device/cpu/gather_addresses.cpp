#include "device/cpu/gather_addresses.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/Transforms/Utils/Local.h>

namespace anymetal::device::cpu {
namespace {

/// The operand of a gather or scatter that holds its addresses, or null.
llvm::Use* addresses_of(llvm::Instruction& instruction) {
  auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
  if (!call) return nullptr;
  if (call->getIntrinsicID() == llvm::Intrinsic::masked_gather) return &call->getArgOperandUse(0);
  return call->getIntrinsicID() == llvm::Intrinsic::masked_scatter ? &call->getArgOperandUse(1) : nullptr;
}

}  // namespace

void make_addresses_where_used(llvm::Module& module) {
  for (auto& function : module)
    for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
      auto* addresses = addresses_of(instruction);
      auto* step = addresses ? llvm::dyn_cast<llvm::GetElementPtrInst>(addresses->get()) : nullptr;
      if (!step || step->getNumIndices() != 1 || step->getPointerOperandType()->isVectorTy()) continue;
      auto* wide = llvm::dyn_cast<llvm::CastInst>(step->getOperand(1));
      const auto is_elsewhere = [&](const llvm::Instruction* made) {
        return made && made->getParent() != instruction.getParent();
      };
      if (!is_elsewhere(step) && !is_elsewhere(wide)) continue;
      auto* own = step->clone();
      own->insertBefore(&instruction);
      addresses->set(own);
      if (llvm::isa_and_nonnull<llvm::SExtInst, llvm::ZExtInst>(wide)) {
        auto* own_index = wide->clone();
        own_index->insertBefore(own);
        own->setOperand(1, own_index);
      }
      llvm::RecursivelyDeleteTriviallyDeadInstructions(step);
    }
}

}  // namespace anymetal::device::cpu
