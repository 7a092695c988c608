#include "device/cpu/bfloat_conversions.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>

namespace anymetal::device::cpu {
namespace {

llvm::Value* rounded(llvm::IRBuilder<>& builder, llvm::Value* value) {
  auto* words = value->getType()->getWithNewType(builder.getInt32Ty());
  auto number = [&](std::uint32_t n) { return llvm::ConstantInt::get(words, n); };
  auto* bits = builder.CreateBitCast(value, words);
  auto* lowest = builder.CreateAnd(builder.CreateLShr(bits, 16), number(1));
  auto* nearest = builder.CreateLShr(builder.CreateAdd(builder.CreateAdd(bits, number(0x7fff)), lowest), 16);
  auto* is_nan = builder.CreateFCmpUNO(value, value);
  return builder.CreateSelect(is_nan, number(0x7fc0), nearest);
}

}  // namespace

bool rounds_to_bfloat(const llvm::MCSubtargetInfo& processor) {
  return processor.getTargetTriple().isX86() && processor.checkFeatures("+avx512bf16") &&
         processor.checkFeatures("+avx512vl");
}

void expand_bfloat_rounding(llvm::Module& module) {
  for (auto& function : module) {
    for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
      if (!llvm::isa<llvm::FPTruncInst>(instruction) || !instruction.getType()->getScalarType()->isBFloatTy()) continue;
      auto* value = instruction.getOperand(0);
      if (!value->getType()->getScalarType()->isFloatTy()) continue;
      llvm::IRBuilder<> builder(&instruction);
      auto* halves = value->getType()->getWithNewType(builder.getInt16Ty());
      auto* narrow = builder.CreateTrunc(rounded(builder, value), halves);
      instruction.replaceAllUsesWith(builder.CreateBitCast(narrow, instruction.getType()));
      instruction.eraseFromParent();
    }
  }
}

}  // namespace anymetal::device::cpu
