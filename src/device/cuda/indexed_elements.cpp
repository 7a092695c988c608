#include "device/cuda/indexed_elements.hpp"

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>

#include <cstdint>
#include <vector>

namespace anymetal::device::cuda {

namespace {

/// A vector that is loaded for this element alone: code generation loads just the element.
bool is_a_load_of_one_element(const llvm::ExtractElementInst& read) {
  const auto* load = llvm::dyn_cast<llvm::LoadInst>(read.getVectorOperand());
  return load != nullptr && load->isSimple() && load->hasOneUse() && load->getParent() == read.getParent();
}

llvm::Value* is_at(llvm::IRBuilder<>& builder, llvm::Value* index, unsigned element) {
  return builder.CreateICmpEQ(index, llvm::ConstantInt::get(index->getType(), element));
}

llvm::Value* chosen(llvm::ExtractElementInst& read) {
  llvm::IRBuilder<> builder(&read);
  const unsigned size = llvm::cast<llvm::FixedVectorType>(read.getVectorOperandType())->getNumElements();
  auto* value = builder.CreateExtractElement(read.getVectorOperand(), std::uint64_t{0});
  for (unsigned i = 1; i < size; ++i) {
    auto* element = builder.CreateExtractElement(read.getVectorOperand(), i);
    value = builder.CreateSelect(is_at(builder, read.getIndexOperand(), i), element, value);
  }
  return value;
}

llvm::Value* changed(llvm::InsertElementInst& write) {
  llvm::IRBuilder<> builder(&write);
  auto* index = write.getOperand(2);
  llvm::Value* vector = write.getOperand(0);
  for (unsigned i = 0; i < llvm::cast<llvm::FixedVectorType>(write.getType())->getNumElements(); ++i) {
    auto* before = builder.CreateExtractElement(write.getOperand(0), i);
    vector = builder.CreateInsertElement(vector, builder.CreateSelect(is_at(builder, index, i), write.getOperand(1), before), i);
  }
  return vector;
}

}  // namespace

void choose_indexed_elements(llvm::Function& kernel) {
  std::vector<llvm::Instruction*> indexed;
  for (auto& instruction : llvm::instructions(kernel)) {
    if (auto* read = llvm::dyn_cast<llvm::ExtractElementInst>(&instruction)) {
      if (!llvm::isa<llvm::Constant>(read->getIndexOperand()) && !is_a_load_of_one_element(*read)) indexed.push_back(read);
    } else if (auto* write = llvm::dyn_cast<llvm::InsertElementInst>(&instruction)) {
      if (!llvm::isa<llvm::Constant>(write->getOperand(2))) indexed.push_back(write);
    }
  }
  for (auto* instruction : indexed) {
    auto* read = llvm::dyn_cast<llvm::ExtractElementInst>(instruction);
    instruction->replaceAllUsesWith(read != nullptr ? chosen(*read) : changed(*llvm::cast<llvm::InsertElementInst>(instruction)));
    instruction->eraseFromParent();
  }
}

}  // namespace anymetal::device::cuda
