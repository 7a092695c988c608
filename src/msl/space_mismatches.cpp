#include <clang/AST/ASTContext.h>
#include <clang/AST/DeclTemplate.h>
#include <clang/AST/ExprCXX.h>
#include <fmt/format.h>

#include "msl/address_spaces.hpp"
#include "msl/annotations.hpp"
#include "msl/syntax_walk.hpp"
#include "msl/value_types.hpp"

namespace anymetal::msl {
namespace {

/// What the compiler keeps of calls that fit no function.
class FailedCalls : public SyntaxWalk {
 public:
  explicit FailedCalls(Compilation& compilation) : compilation_(compilation), ast_(compilation.ast()) {}

  bool visit_statement(clang::Stmt* s) override { return visit_as(*this, s, &FailedCalls::VisitRecoveryExpr); }

  bool VisitRecoveryExpr(clang::RecoveryExpr* call) {
    const auto parts = call->subExpressions();
    const auto* name = parts.empty() ? nullptr : llvm::dyn_cast<clang::UnresolvedLookupExpr>(parts.front());
    if (name == nullptr || name->getNumDecls() != 1) return true;
    const auto* callee = llvm::dyn_cast<clang::FunctionDecl>((*name->decls_begin())->getUnderlyingDecl());
    if (callee == nullptr || callee->getNumParams() < parts.size() - 1) return true;
    for (unsigned i = 0; i + 1 < parts.size(); ++i) {
      const clang::Expr& argument = *parts[i + 1];
      const clang::QualType want = callee->getParamDecl(i)->getType();
      if (is_in_other_space(argument, want)) {
        compilation_.restate(call->getBeginLoc(), argument.getBeginLoc(), mismatch(ast_, argument, want));
        return true;
      }
    }
    return true;
  }

 private:
  [[nodiscard]] bool is_in_other_space(const clang::Expr& argument, clang::QualType want) const {
    const clang::QualType have = argument.getType();
    if (want->isReferenceType())
      return argument.isLValue() &&
             object_type(ast_, have).getAddressSpace() != object_type(ast_, want).getAddressSpace();
    if (!want->isPointerType() || !(have->isPointerType() || have->isArrayType())) return false;
    const clang::QualType from = have->isPointerType() ? have->getPointeeType() : object_type(ast_, have);
    return object_type(ast_, from).getAddressSpace() != object_type(ast_, want->getPointeeType()).getAddressSpace();
  }

  Compilation& compilation_;
  clang::ASTContext& ast_;
};

}  // namespace

void explain_space_mismatches(Compilation& compilation) {
  FailedCalls calls(compilation);
  for (clang::Decl* d : compilation.declarations()) calls.walk(d);
}

}  // namespace anymetal::msl
