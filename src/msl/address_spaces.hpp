#pragma once
/// \file
/// Conversions between address spaces that Clang allows and MSL does not: those to and from the default space, which is
/// `thread` in the user's code and any space in the library's.

#include <clang/AST/Expr.h>
#include <clang/AST/ExprCXX.h>
#include <clang/AST/Stmt.h>

#include <string>

#include "msl/compilation.hpp"

namespace anymetal::msl {

/// "no conversion from 'device float *' to 'threadgroup float *'...": for an argument and the type of its parameter.
std::string mismatch(const clang::ASTContext& ast, const clang::Expr& from, clang::QualType to);

/// Of calls that failed because of one argument's address space, tells which.
void explain_space_mismatches(Compilation& compilation);

/// Reports violations to the compilation; each function looks at one node, none at its children. Nodes of library
/// headers and of dependent type pass.
class SpaceCheck {
 public:
  explicit SpaceCheck(Compilation& compilation) : compilation_(compilation) {}
  /// Whether what follows is to be checked.
  void enable(bool is_enabled) { is_enabled_ = is_enabled; }

  void call(const clang::CallExpr& call);
  void construction(const clang::CXXConstructExpr& construction);
  void variable(const clang::VarDecl& variable);
  void assignment(const clang::BinaryOperator& assignment);
  /// Pointers that are compared or subtracted.
  void comparison(const clang::BinaryOperator& e);
  void returned(const clang::ReturnStmt& statement);
  void braces(const clang::InitListExpr& list);
  void member(const clang::CXXCtorInitializer& initialiser);
  void choice(const clang::ConditionalOperator& choice);
  void cast(const clang::ExplicitCastExpr& cast);

 private:
  void arguments(const clang::FunctionDecl& callee, llvm::ArrayRef<const clang::Expr*> arguments);
  void object(const clang::CXXMethodDecl& method, const clang::Expr& object);
  void implicit(const clang::Expr& converted);
  [[nodiscard]] bool is_library(clang::SourceLocation location) const;

  Compilation& compilation_;
  bool is_enabled_ = true;
};

}  // namespace anymetal::msl
