#include "msl/address_spaces.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/Basic/SourceManager.h>
#include <fmt/format.h>

#include "msl/annotations.hpp"
#include "msl/value_types.hpp"

namespace anymetal::msl {
namespace {

std::string_view named(clang::LangAS space) {
  const std::string_view name = space_name(space);
  return name.empty() ? "thread" : name;
}

/// What a pointer points to; the type itself where it is none.
clang::QualType pointee(const clang::ASTContext& ast, clang::QualType type) {
  return type->isPointerType() ? object_type(ast, type->getPointeeType()) : object_type(ast, type);
}

std::string mismatch(const clang::ASTContext& ast, clang::QualType have, clang::QualType want, bool is_reference) {
  const char sign = is_reference ? '&' : '*';
  return fmt::format("no conversion from '{} {} {}' to '{} {} {}': mismatching address spaces",
                     named(have.getAddressSpace()), type_spelling(ast, have), sign, named(want.getAddressSpace()),
                     type_spelling(ast, want), sign);
}

}  // namespace

std::string mismatch(const clang::ASTContext& ast, const clang::Expr& from, clang::QualType to) {
  return mismatch(ast, pointee(ast, from.getType()), pointee(ast, to), to->isReferenceType());
}

bool SpaceCheck::is_library(clang::SourceLocation location) const {
  return !is_enabled_ || location.isInvalid() || compilation_.instance().getSourceManager().isInSystemHeader(location);
}

void SpaceCheck::implicit(const clang::Expr& converted) {
  const clang::ASTContext& ast = compilation_.ast();
  const clang::Expr* e = &converted;
  if (const auto* cleanups = llvm::dyn_cast<clang::ExprWithCleanups>(e)) e = cleanups->getSubExpr();
  for (; const auto* cast = llvm::dyn_cast<clang::ImplicitCastExpr>(e->IgnoreParens()); e = cast->getSubExpr()) {
    if (cast->getCastKind() != clang::CK_AddressSpaceConversion) continue;
    const clang::QualType have = pointee(ast, cast->getSubExpr()->getType());
    const clang::QualType want = pointee(ast, cast->getType());
    if (have.getAddressSpace() == want.getAddressSpace()) continue;
    compilation_.report(clang::DiagnosticsEngine::Error, converted.IgnoreParenImpCasts()->getBeginLoc(),
                        mismatch(ast, have, want, !cast->getType()->isPointerType()));
    return;
  }
}

void SpaceCheck::arguments(const clang::FunctionDecl& callee, llvm::ArrayRef<const clang::Expr*> arguments) {
  if (is_library(callee.getLocation()) || callee.isImplicit() || callee.isDefaulted()) return;
  for (const clang::Expr* argument : arguments) {
    if (!llvm::isa<clang::CXXDefaultArgExpr>(argument)) implicit(*argument);
  }
}

void SpaceCheck::object(const clang::CXXMethodDecl& method, const clang::Expr& object) {
  if (find_annotation(method, "thread") == nullptr) return;
  const clang::QualType type = pointee(compilation_.ast(), object.IgnoreParenImpCasts()->getType());
  if (type.getAddressSpace() == clang::LangAS::Default) return;
  compilation_.report(clang::DiagnosticsEngine::Error, object.getExprLoc(),
                      fmt::format("member function '{}' is for objects in the thread address space, this one is in {}: "
                                  "mismatching address spaces",
                                  method.getNameAsString(), named(type.getAddressSpace())));
}

void SpaceCheck::call(const clang::CallExpr& call) {
  const auto* callee = call.getDirectCallee();
  if (callee == nullptr || is_library(call.getBeginLoc())) return;
  llvm::ArrayRef<const clang::Expr*> given(call.getArgs(), call.getNumArgs());
  const auto* method = llvm::dyn_cast<clang::CXXMethodDecl>(callee);
  if (const auto* member_call = llvm::dyn_cast<clang::CXXMemberCallExpr>(&call)) {
    if (method != nullptr && member_call->getImplicitObjectArgument() != nullptr)
      object(*method, *member_call->getImplicitObjectArgument());
  } else if (method != nullptr && method->isImplicitObjectMemberFunction() &&
             llvm::isa<clang::CXXOperatorCallExpr>(call) && !given.empty()) {
    object(*method, *given.front());
    given = given.drop_front();
  }
  arguments(*callee, given);
}

void SpaceCheck::construction(const clang::CXXConstructExpr& construction) {
  const clang::CXXConstructorDecl* constructor = construction.getConstructor();
  if (constructor->isCopyOrMoveConstructor() || is_library(construction.getBeginLoc())) return;
  arguments(*constructor, llvm::ArrayRef<const clang::Expr*>(construction.getArgs(), construction.getNumArgs()));
}

void SpaceCheck::variable(const clang::VarDecl& variable) {
  const clang::QualType type = variable.getType();
  if (variable.getInit() == nullptr || variable.isImplicit() || !(type->isPointerType() || type->isReferenceType()) ||
      is_library(variable.getLocation()))
    return;
  implicit(*variable.getInit());
}

void SpaceCheck::assignment(const clang::BinaryOperator& assignment) {
  if (assignment.getOpcode() == clang::BO_Assign && !is_library(assignment.getBeginLoc()))
    implicit(*assignment.getRHS());
}

void SpaceCheck::comparison(const clang::BinaryOperator& e) {
  const bool relates = e.isComparisonOp() || e.getOpcode() == clang::BO_Sub;
  if (!relates || is_library(e.getBeginLoc())) return;
  clang::ASTContext& ast = compilation_.ast();
  const clang::Expr &left = *e.getLHS()->IgnoreParenImpCasts(), &right = *e.getRHS()->IgnoreParenImpCasts();
  const clang::QualType a = left.getType(), b = right.getType();
  if (!a->isPointerType() || !b->isPointerType()) return;  // null pointers are of other types
  const clang::QualType have = pointee(ast, a), other = pointee(ast, b);
  if (have.getAddressSpace() == other.getAddressSpace()) return;
  compilation_.report(clang::DiagnosticsEngine::Error, e.getOperatorLoc(),
                      fmt::format("invalid operands '{} {} *' and '{} {} *' to operator '{}': mismatching address spaces",
                                  named(have.getAddressSpace()), type_spelling(ast, have), named(other.getAddressSpace()),
                                  type_spelling(ast, other), e.getOpcodeStr().str()));
}

void SpaceCheck::returned(const clang::ReturnStmt& statement) {
  if (statement.getRetValue() != nullptr && !is_library(statement.getBeginLoc())) implicit(*statement.getRetValue());
}

void SpaceCheck::braces(const clang::InitListExpr& list) {
  if (is_library(list.getBeginLoc())) return;
  for (const clang::Expr* e : list.inits()) {
    if (e != nullptr && e->getType()->isPointerType()) implicit(*e);
  }
}

void SpaceCheck::member(const clang::CXXCtorInitializer& initialiser) {
  if (initialiser.isWritten() && initialiser.getInit() != nullptr && !is_library(initialiser.getSourceLocation()))
    implicit(*initialiser.getInit());
}

void SpaceCheck::choice(const clang::ConditionalOperator& choice) {
  if (!choice.getType()->isPointerType() || is_library(choice.getBeginLoc())) return;
  implicit(*choice.getTrueExpr());
  implicit(*choice.getFalseExpr());
}

void SpaceCheck::cast(const clang::ExplicitCastExpr& cast) {
  if (is_library(cast.getBeginLoc()) || cast.isTypeDependent()) return;
  const clang::ASTContext& ast = compilation_.ast();
  const clang::Expr& from = *cast.getSubExprAsWritten();
  const clang::QualType to = cast.getTypeAsWritten();
  const clang::QualType type = from.getType();
  const bool is_pointer = to->isPointerType() && (type->isPointerType() || type->isArrayType());
  const bool is_reference = to->isReferenceType() && from.isLValue();
  if (from.isTypeDependent() || (!is_pointer && !is_reference) || llvm::isa<clang::StringLiteral>(from.IgnoreParens()))
    return;
  const clang::QualType have = is_pointer ? pointee(ast, type) : object_type(ast, type);
  const clang::QualType want = is_pointer ? pointee(ast, to) : object_type(ast, to);
  if (have.getAddressSpace() != want.getAddressSpace()) {
    compilation_.report(clang::DiagnosticsEngine::Error, from.getBeginLoc(), mismatch(ast, have, want, is_reference));
  }
}

}  // namespace anymetal::msl
