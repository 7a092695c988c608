#pragma once
/// \file
/// Counts of shifts and divisors that are constants.

namespace clang {
class ASTContext;
class BinaryOperator;
}  // namespace clang

namespace anymetal::msl {

/// Takes a constant count modulo the width, as Metal does, and 1 for a divisor that divides nothing. Where both operands are
/// constants Clang has the result before there is an instruction, and takes such operands for undefined behaviour: the code
/// around them would go. Operands that are no constants are `define_arithmetic`'s. Thread contract: one thread at a time.
void define_constant_operand(clang::ASTContext& ast, clang::BinaryOperator& operation);

}  // namespace anymetal::msl
