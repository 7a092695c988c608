#include "device/cpu/integer_conversions.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/TargetParser/Triple.h>

namespace anymetal::device::cpu {
namespace {

bool is_from_bytes(const llvm::Instruction& instruction) {
  if (!llvm::isa<llvm::SIToFPInst, llvm::UIToFPInst>(instruction)) return false;
  const auto* from = llvm::dyn_cast<llvm::FixedVectorType>(instruction.getOperand(0)->getType());
  return from && from->getNumElements() > 4 && from->getScalarSizeInBits() == 8 &&
         instruction.getType()->getScalarType()->isFloatTy();
}

bool is_from_halves(const llvm::Instruction& instruction) {
  const auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
  return call != nullptr && call->getIntrinsicID() == llvm::Intrinsic::fptosi_sat &&
         call->getType()->getScalarSizeInBits() == 16 && call->getOperand(0)->getType()->getScalarType()->isHalfTy();
}

void go_through_floats(llvm::Function& function) {
  for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
    if (!is_from_halves(instruction)) continue;
    llvm::IRBuilder<> builder(&instruction);
    auto* halves = instruction.getOperand(0);
    auto* floats = builder.CreateFPExt(halves, halves->getType()->getWithNewType(builder.getFloatTy()));
    instruction.replaceAllUsesWith(
        builder.CreateIntrinsic(llvm::Intrinsic::fptosi_sat, {instruction.getType(), floats->getType()}, {floats}));
    instruction.eraseFromParent();
  }
}

}  // namespace

void split_conversions(llvm::Module& module) {
  const llvm::Triple triple(module.getTargetTriple());
  if (triple.isX86())
    for (auto& function : module) go_through_floats(function);
  if (!triple.isAArch64()) return;
  for (auto& function : module) {
    for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
      if (!is_from_bytes(instruction)) continue;
      llvm::IRBuilder<> builder(&instruction);
      auto* from = instruction.getOperand(0);
      auto* words = from->getType()->getWithNewBitWidth(32);
      auto* extended =
          llvm::isa<llvm::SIToFPInst>(instruction) ? builder.CreateSExt(from, words) : builder.CreateZExt(from, words);
      instruction.replaceAllUsesWith(builder.CreateSIToFP(extended, instruction.getType()));
      instruction.eraseFromParent();
    }
  }
}

}  // namespace anymetal::device::cpu
