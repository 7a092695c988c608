#include "device/cpu/mask_bits.hpp"

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/TargetParser/Triple.h>

namespace anymetal::device::cpu {
namespace {

constexpr unsigned kWord = 32;

bool makes_bits_lanes(const llvm::Instruction& instruction) {
  const auto* lanes = llvm::dyn_cast<llvm::FixedVectorType>(instruction.getType());
  return llvm::isa<llvm::BitCastInst>(instruction) && lanes && lanes->getElementType()->isIntegerTy(1) &&
         lanes->getNumElements() <= kWord && instruction.getOperand(0)->getType()->isIntegerTy();
}

llvm::Value* spread(llvm::Instruction& before, llvm::Value* number, unsigned count) {
  llvm::IRBuilder<> builder(&before);
  llvm::SmallVector<llvm::Constant*, kWord> bits;
  for (unsigned lane = 0; lane < count; ++lane) bits.push_back(builder.getInt32(1U << lane));
  auto* own = llvm::ConstantVector::get(bits);
  auto* word = builder.CreateZExt(number, builder.getInt32Ty());
  return builder.CreateICmpEQ(builder.CreateAnd(builder.CreateVectorSplat(count, word), own), own);
}

/// Where a value must be there for a use, and after which it may be made.
llvm::Instruction& place_of(const llvm::Use& use) {
  auto* user = llvm::cast<llvm::Instruction>(use.getUser());
  if (const auto* phi = llvm::dyn_cast<llvm::PHINode>(user)) return *phi->getIncomingBlock(use)->getTerminator();
  return *user;
}

void expand(llvm::BitCastInst& lanes) {
  llvm::DenseMap<llvm::BasicBlock*, llvm::Instruction*> first;  // use of each block
  for (const auto& use : lanes.uses()) {
    auto& place = place_of(use);
    auto*& known = first[place.getParent()];
    if (!known || place.comesBefore(known)) known = &place;
  }
  const auto count = llvm::cast<llvm::FixedVectorType>(lanes.getType())->getNumElements();
  llvm::DenseMap<llvm::BasicBlock*, llvm::Value*> made;
  for (auto& use : llvm::make_early_inc_range(lanes.uses())) {
    auto* block = place_of(use).getParent();
    auto*& own = made[block];
    if (!own) own = spread(*first[block], lanes.getOperand(0), count);
    use.set(own);
  }
  lanes.eraseFromParent();
}

}  // namespace

bool has_mask_registers(const llvm::MCSubtargetInfo& processor) {
  return processor.getTargetTriple().isX86() && processor.checkFeatures("+avx512vl");
}

void spread_mask_bits(llvm::Module& module) {
  for (auto& function : module)
    for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(function)))
      if (makes_bits_lanes(instruction)) expand(llvm::cast<llvm::BitCastInst>(instruction));
}

}  // namespace anymetal::device::cpu
