#include "device/cpu/shift_amounts.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>

#include <algorithm>

namespace anymetal::device::cpu {
namespace {

/// The amounts with those out of range replaced, or null where none is.
llvm::Constant* bounded(const llvm::Constant& amounts) {
  const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(amounts.getType());
  if (!type) return nullptr;
  llvm::SmallVector<llvm::Constant*, 32> elements;
  for (unsigned i = 0; i < type->getNumElements(); ++i) elements.push_back(amounts.getAggregateElement(i));
  const auto is_number = [](const llvm::Constant* element) {
    return llvm::isa_and_nonnull<llvm::ConstantInt>(element);
  };
  const auto fits = [&](const llvm::Constant* element) {
    return llvm::cast<llvm::ConstantInt>(element)->getValue().ult(type->getScalarSizeInBits());
  };
  const auto is_too_large = [&](const llvm::Constant* element) { return is_number(element) && !fits(element); };
  if (llvm::none_of(elements, is_too_large)) return nullptr;
  const auto other = llvm::find_if(elements, [&](const auto* element) { return is_number(element) && fits(element); });
  auto* amount = other != elements.end() ? *other : llvm::Constant::getNullValue(type->getElementType());
  std::ranges::replace_if(elements, is_too_large, amount);
  return llvm::ConstantVector::get(elements);
}

}  // namespace

void bound_shifts(llvm::Module& module) {
  for (auto& function : module)
    for (auto& instruction : llvm::instructions(function)) {
      if (!instruction.isShift()) continue;
      const auto* amounts = llvm::dyn_cast<llvm::Constant>(instruction.getOperand(1));
      if (auto* replaced = amounts ? bounded(*amounts) : nullptr) instruction.setOperand(1, replaced);
    }
}

}  // namespace anymetal::device::cpu
