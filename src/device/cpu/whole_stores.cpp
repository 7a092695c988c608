#include "device/cpu/whole_stores.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/TargetParser/Triple.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>

#include "device/cpu/mask_bits.hpp"

namespace anymetal::device::cpu {
namespace {

/// Whether a mask is known when code runs only.
bool is_masked_store(const llvm::Instruction& instruction) {
  const auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
  return call && call->getIntrinsicID() == llvm::Intrinsic::masked_store &&
         !llvm::isa<llvm::Constant>(call->getArgOperand(3));
}

void split(llvm::IntrinsicInst& store) {
  llvm::IRBuilder<> builder(&store);
  auto* mask = store.getArgOperand(3);
  const auto count = llvm::cast<llvm::FixedVectorType>(mask->getType())->getNumElements();
  auto* bits = builder.CreateBitCast(mask, builder.getIntNTy(count));
  auto* is_whole = builder.CreateICmpEQ(bits, llvm::Constant::getAllOnesValue(bits->getType()));
  llvm::Instruction *whole = nullptr, *part = nullptr;
  llvm::SplitBlockAndInsertIfThenElse(is_whole, &store, &whole, &part);
  builder.SetInsertPoint(whole);
  const auto alignment = llvm::cast<llvm::ConstantInt>(store.getArgOperand(2))->getMaybeAlignValue();
  auto* plain = builder.CreateAlignedStore(store.getArgOperand(0), store.getArgOperand(1), alignment);
  plain->copyMetadata(store);
  builder.SetInsertPoint(part);
  store.moveBefore(llvm::SplitBlockAndInsertIfThen(builder.CreateIsNotNull(bits), part, /*Unreachable=*/false));
}

}  // namespace

bool masks_stores_slowly(const llvm::MCSubtargetInfo& processor) {
  return processor.getTargetTriple().isX86() && processor.checkFeatures("+avx2") && !has_mask_registers(processor);
}

void store_whole_vectors(llvm::Module& module) {
  llvm::SmallVector<llvm::IntrinsicInst*, 16> stores;
  for (auto& function : module)
    for (auto& instruction : llvm::instructions(function))
      if (is_masked_store(instruction)) stores.push_back(llvm::cast<llvm::IntrinsicInst>(&instruction));
  for (auto* store : stores) split(*store);
}

}  // namespace anymetal::device::cpu
