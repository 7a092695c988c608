#include "msl/ir_arithmetic.hpp"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Function.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/PatternMatch.h>

namespace anymetal::msl {
namespace {

using llvm::PatternMatch::m_APInt;
using llvm::PatternMatch::match;

void guard_division(llvm::BinaryOperator& division, bool is_signed) {
  llvm::Value* divisor = division.getOperand(1);
  const llvm::APInt* known = nullptr;
  if (match(divisor, m_APInt(known)) && !known->isZero() && !known->isAllOnes()) return;
  llvm::IRBuilder<> builder(&division);
  llvm::Type* type = divisor->getType();
  const unsigned bits = type->getScalarSizeInBits();
  llvm::Value* is_bad = builder.CreateICmpEQ(divisor, llvm::Constant::getNullValue(type));
  if (is_signed) {
    llvm::Value* is_least = builder.CreateICmpEQ(division.getOperand(0), llvm::ConstantInt::get(type, llvm::APInt::getSignedMinValue(bits)));
    llvm::Value* is_minus_one = builder.CreateICmpEQ(divisor, llvm::Constant::getAllOnesValue(type));
    is_bad = builder.CreateOr(is_bad, builder.CreateAnd(is_least, is_minus_one));
  }
  division.setOperand(1, builder.CreateSelect(is_bad, llvm::ConstantInt::get(type, 1), divisor));
}

void mask_shift(llvm::BinaryOperator& shift) {
  llvm::Value* amount = shift.getOperand(1);
  llvm::Type* type = amount->getType();
  const unsigned bits = type->getScalarSizeInBits();
  const llvm::APInt* known = nullptr;
  if (match(amount, m_APInt(known)) && known->ult(bits)) return;
  if (!llvm::isPowerOf2_32(bits)) return;
  llvm::IRBuilder<> builder(&shift);
  shift.setOperand(1, builder.CreateAnd(amount, llvm::ConstantInt::get(type, bits - 1)));
}

void saturate(llvm::CastInst& cast, llvm::Intrinsic::ID intrinsic) {
  llvm::IRBuilder<> builder(&cast);
  llvm::Value* value = builder.CreateIntrinsic(intrinsic, {cast.getDestTy(), cast.getSrcTy()}, {cast.getOperand(0)});
  cast.replaceAllUsesWith(value);
  cast.eraseFromParent();
}

}  // namespace

void define_arithmetic(llvm::Function& function) {
  for (llvm::Instruction& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
    switch (instruction.getOpcode()) {
      case llvm::Instruction::SDiv:
      case llvm::Instruction::SRem: guard_division(llvm::cast<llvm::BinaryOperator>(instruction), true); break;
      case llvm::Instruction::UDiv:
      case llvm::Instruction::URem: guard_division(llvm::cast<llvm::BinaryOperator>(instruction), false); break;
      case llvm::Instruction::Shl:
      case llvm::Instruction::LShr:
      case llvm::Instruction::AShr: mask_shift(llvm::cast<llvm::BinaryOperator>(instruction)); break;
      case llvm::Instruction::FPToSI: saturate(llvm::cast<llvm::CastInst>(instruction), llvm::Intrinsic::fptosi_sat); break;
      case llvm::Instruction::FPToUI: saturate(llvm::cast<llvm::CastInst>(instruction), llvm::Intrinsic::fptoui_sat); break;
      default: break;
    }
  }
}

}  // namespace anymetal::msl
