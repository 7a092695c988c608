#include "msl/address_spaces.hpp"

#include "msl/annotations.hpp"

#include <clang/AST/ExprCXX.h>

namespace anymetal::msl {
namespace {

/// Space of the memory a pointer points to.
std::string_view space_of_pointer(const clang::Expr& expression);

/// Space an object lies in.
std::string_view space_of_object(const clang::Expr& expression) {
  const clang::Expr& e = *expression.IgnoreParens();
  if (const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(&e)) {
    const auto* variable = llvm::dyn_cast<clang::VarDecl>(reference->getDecl());
    if (variable == nullptr) return {};
    if (variable->getType()->isReferenceType()) return address_space(*variable);
    if (is_threadgroup_variable(*variable)) return "threadgroup";
    if (variable->isFileVarDecl()) return "constant";
    return variable->hasLocalStorage() && !variable->getType()->isDependentType() ? "thread" : std::string_view();
  }
  if (const auto* element = llvm::dyn_cast<clang::ArraySubscriptExpr>(&e)) {
    const clang::Expr& base = *element->getBase()->IgnoreParenImpCasts();
    return base.getType()->isArrayType() ? space_of_object(base) : space_of_pointer(base);
  }
  if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(&e)) {
    const auto* field = llvm::dyn_cast<clang::FieldDecl>(member->getMemberDecl());
    if (field == nullptr || field->getType()->isReferenceType() || llvm::isa<clang::CXXThisExpr>(member->getBase()->IgnoreParenImpCasts())) return {};
    return member->isArrow() ? space_of_pointer(*member->getBase()) : space_of_object(*member->getBase());
  }
  const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(&e);
  return unary != nullptr && unary->getOpcode() == clang::UO_Deref ? space_of_pointer(*unary->getSubExpr()) : std::string_view();
}

std::string_view space_of_pointer(const clang::Expr& expression) {
  const clang::Expr& e = *expression.IgnoreParenImpCasts();
  if (e.getType()->isArrayType()) return space_of_object(e);
  if (const auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(&e)) {
    return reference->getDecl()->getType()->isPointerType() ? address_space(*reference->getDecl()) : std::string_view();
  }
  if (const auto* member = llvm::dyn_cast<clang::MemberExpr>(&e)) return address_space(*member->getMemberDecl());
  if (const auto* binary = llvm::dyn_cast<clang::BinaryOperator>(&e); binary != nullptr && binary->isAdditiveOp()) {
    return space_of_pointer(binary->getLHS()->getType()->isIntegerType() ? *binary->getRHS() : *binary->getLHS());
  }
  const auto* unary = llvm::dyn_cast<clang::UnaryOperator>(&e);
  return unary != nullptr && unary->getOpcode() == clang::UO_AddrOf ? space_of_object(*unary->getSubExpr()) : std::string_view();
}

}  // namespace

std::string_view space_of(const clang::Expr& expression, bool is_reference) {
  return is_reference ? space_of_object(*expression.IgnoreImpCasts()) : space_of_pointer(expression);
}

}  // namespace anymetal::msl
