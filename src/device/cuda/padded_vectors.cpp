#include "device/cuda/padded_vectors.hpp"

#include <llvm/IR/Constants.h>
#include <llvm/IR/DataLayout.h>
#include <llvm/IR/DerivedTypes.h>
#include <llvm/IR/GlobalVariable.h>
#include <llvm/IR/Module.h>

#include <cstdint>
#include <vector>

namespace anymetal::device::cuda {

namespace {

/// A packed structure that is built part by part, each at its offset.
class Parts {
 public:
  explicit Parts(const llvm::Module& module) : module_(module) {}

  void add(std::uint64_t offset, llvm::Constant* part) {
    fill(offset);
    parts_.push_back(part);
    size_ += module_.getDataLayout().getTypeAllocSize(part->getType());
  }
  llvm::Constant* done(std::uint64_t size) {
    fill(size);
    return llvm::ConstantStruct::getAnon(module_.getContext(), parts_, /*Packed=*/true);
  }

 private:
  void fill(std::uint64_t offset) {
    if (offset == size_) return;
    parts_.push_back(llvm::ConstantAggregateZero::get(
        llvm::ArrayType::get(llvm::Type::getInt8Ty(module_.getContext()), offset - size_)));
    size_ = offset;
  }

  const llvm::Module& module_;
  std::vector<llvm::Constant*> parts_;
  std::uint64_t size_ = 0;
};

bool has_padding(llvm::FixedVectorType* vector, const llvm::DataLayout& layout) {
  return vector->getScalarSizeInBits() % 8 == 0 && layout.getTypeStoreSize(vector) != layout.getTypeAllocSize(vector);
}

/// The same bytes with all padding written out, or `value` where there is none behind a vector.
llvm::Constant* padded(llvm::Constant* value, const llvm::Module& module) {
  if (value->isNullValue() || llvm::isa<llvm::UndefValue>(value)) return value;
  const auto& layout = module.getDataLayout();
  auto* type = value->getType();
  Parts parts(module);
  if (auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(type)) {
    if (!has_padding(vector, layout)) return value;
    const std::uint64_t step = vector->getScalarSizeInBits() / 8;
    for (unsigned i = 0; i < vector->getNumElements(); ++i) parts.add(i * step, value->getAggregateElement(i));
    return parts.done(layout.getTypeAllocSize(type));
  }
  if (!llvm::isa<llvm::ConstantArray, llvm::ConstantStruct>(value)) return value;
  bool changed = false;
  for (unsigned i = 0; i < value->getNumOperands(); ++i) {
    auto* part = llvm::cast<llvm::Constant>(value->getOperand(i));
    const std::uint64_t offset =
        type->isArrayTy() ? i * layout.getTypeAllocSize(type->getArrayElementType()).getFixedValue()
                          : layout.getStructLayout(llvm::cast<llvm::StructType>(type))->getElementOffset(i).getFixedValue();
    auto* whole = padded(part, module);
    changed = changed || whole != part;
    parts.add(offset, whole);
  }
  return changed ? parts.done(layout.getTypeAllocSize(type)) : value;
}

void replace(llvm::GlobalVariable& old, llvm::Constant* initializer, llvm::Module& module) {
  auto* variable = new llvm::GlobalVariable(module, initializer->getType(), old.isConstant(), old.getLinkage(), initializer, "",
                                            &old, old.getThreadLocalMode(), old.getAddressSpace());
  variable->copyAttributesFrom(&old);
  // A packed structure has no alignment of its own.
  variable->setAlignment(module.getDataLayout().getValueOrABITypeAlignment(old.getAlign(), old.getValueType()));
  variable->takeName(&old);
  old.replaceAllUsesWith(variable);
  old.eraseFromParent();
}

}  // namespace

void write_out_padding_of_vectors(llvm::Module& module) {
  std::vector<llvm::GlobalVariable*> variables;
  for (auto& variable : module.globals()) variables.push_back(&variable);
  for (auto* variable : variables) {
    if (!variable->hasInitializer()) continue;
    auto* initializer = variable->getInitializer();
    if (auto* whole = padded(initializer, module); whole != initializer) replace(*variable, whole, module);
  }
}

}  // namespace anymetal::device::cuda
