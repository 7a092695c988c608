#include "msl/constant_operands.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Expr.h>

#include <optional>

namespace anymetal::msl {
namespace {

std::optional<llvm::APSInt> constant(const clang::ASTContext& ast, const clang::Expr& e) {
  clang::Expr::EvalResult result;
  if (e.isValueDependent() || !e.EvaluateAsInt(result, ast)) return std::nullopt;
  return result.Val.getInt();
}

/// Of the left operand once it is promoted, in which the operation is done.
clang::QualType type_of(const clang::BinaryOperator& operation) {
  const auto* assignment = llvm::dyn_cast<clang::CompoundAssignOperator>(&operation);
  return assignment == nullptr ? operation.getLHS()->getType() : assignment->getComputationLHSType();
}

}  // namespace

void define_constant_operand(clang::ASTContext& ast, clang::BinaryOperator& operation) {
  const auto opcode = operation.getOpcode();
  const bool is_shift = operation.isShiftOp() || operation.isShiftAssignOp();
  const bool is_division = opcode == clang::BO_Div || opcode == clang::BO_Rem || opcode == clang::BO_DivAssign || opcode == clang::BO_RemAssign;
  if (!is_shift && !is_division) return;
  clang::Expr& right = *operation.getRHS();
  const clang::QualType type = type_of(operation), right_type = right.getType();
  if (!type->isIntegerType() || !right_type->isIntegerType() || right_type->isBooleanType()) return;
  const auto value = constant(ast, right);
  if (!value) return;
  const unsigned bits = ast.getIntWidth(type);
  llvm::APInt defined = *value;
  if (is_shift) {
    if (value->isNonNegative() && value->ult(bits)) return;
    if (!llvm::isPowerOf2_32(bits)) return;
    defined &= llvm::APInt(defined.getBitWidth(), bits - 1);
  } else {
    const bool may_overflow = type->isSignedIntegerType() && value->isAllOnes();
    if (!value->isZero() && !may_overflow) return;
    if (may_overflow) {
      const auto left = constant(ast, *operation.getLHS());
      if (!left || !left->isMinSignedValue()) return;
    }
    defined = llvm::APInt(defined.getBitWidth(), 1);
  }
  operation.setRHS(clang::IntegerLiteral::Create(ast, defined, right_type, right.getExprLoc()));
}

}  // namespace anymetal::msl
