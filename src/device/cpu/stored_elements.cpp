#include "device/cpu/stored_elements.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/DataLayout.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>

namespace anymetal::device::cpu {
namespace {

/// The elements of the vectors that are stored to the variable as a whole, or null where they differ or there are none.
llvm::Type* stored_element(const llvm::AllocaInst& variable) {
  llvm::Type* element = nullptr;
  for (const auto* user : variable.users()) {
    const auto* store = llvm::dyn_cast<llvm::StoreInst>(user);
    if (!store || store->getPointerOperand() != &variable) continue;
    const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(store->getValueOperand()->getType());
    if (!vector || (element && element != vector->getElementType())) return nullptr;
    element = vector->getElementType();
  }
  return element;
}

bool load_elements(llvm::LoadInst& load, llvm::Type* element) {
  const auto* wanted = llvm::dyn_cast<llvm::FixedVectorType>(load.getType());
  if (!wanted || !load.isSimple() || wanted->getElementType() == element || element->isPointerTy() ||
      wanted->getElementType()->isPointerTy())
    return false;
  const auto bits = load.getModule()->getDataLayout().getTypeSizeInBits(load.getType()).getFixedValue();
  const auto own = element->getPrimitiveSizeInBits().getFixedValue();
  if (own % 8 != 0 || bits % own != 0) return false;
  llvm::IRBuilder<> builder(&load);
  auto* type = llvm::FixedVectorType::get(element, static_cast<unsigned>(bits / own));
  auto* elements = builder.CreateAlignedLoad(type, load.getPointerOperand(), load.getAlign());
  load.replaceAllUsesWith(builder.CreateBitCast(elements, load.getType()));
  load.eraseFromParent();
  return true;
}

}  // namespace

llvm::PreservedAnalyses LoadStoredElements::run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
  bool changed = false;
  for (auto& instruction : function.getEntryBlock()) {
    auto* variable = llvm::dyn_cast<llvm::AllocaInst>(&instruction);
    auto* element = variable ? stored_element(*variable) : nullptr;
    if (!element) continue;
    llvm::SmallVector<llvm::LoadInst*, 4> loads;
    for (auto* user : variable->users())
      if (auto* load = llvm::dyn_cast<llvm::LoadInst>(user)) loads.push_back(load);
    for (auto* load : loads) changed |= load_elements(*load, element);
  }
  if (!changed) return llvm::PreservedAnalyses::all();
  llvm::PreservedAnalyses preserved;
  preserved.preserveSet<llvm::CFGAnalyses>();
  return preserved;
}

}  // namespace anymetal::device::cpu
