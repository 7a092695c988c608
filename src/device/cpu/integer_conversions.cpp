#include "device/cpu/integer_conversions.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/TargetParser/Triple.h>

namespace anymetal::device::cpu {
namespace {

bool is_from_bytes(const llvm::Instruction& instruction) {
  if (!llvm::isa<llvm::SIToFPInst, llvm::UIToFPInst>(instruction)) return false;
  const auto* from = llvm::dyn_cast<llvm::FixedVectorType>(instruction.getOperand(0)->getType());
  return from && from->getNumElements() > 4 && from->getScalarSizeInBits() == 8 &&
         instruction.getType()->getScalarType()->isFloatTy();
}

}  // namespace

void split_conversions(llvm::Module& module) {
  if (!llvm::Triple(module.getTargetTriple()).isAArch64()) return;
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
