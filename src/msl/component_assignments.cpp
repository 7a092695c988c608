#include "msl/component_assignments.hpp"

#include "msl/library_macros.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/DeclCXX.h>
#include <clang/AST/ExprCXX.h>

#include <vector>

namespace anymetal::msl {
namespace {

/// Whether this may be a component of a vector once its type is known.
bool may_be_component(const clang::Expr* e) {
  const auto* member = llvm::dyn_cast<clang::CXXDependentScopeMemberExpr>(e->IgnoreParens());
  if (member == nullptr || !member->getMember().isIdentifier()) return false;
  const llvm::StringRef name = member->getMember().getAsIdentifierInfo()->getName();
  constexpr std::size_t kMost = 4;
  return name.size() <= kMost && name.find_first_not_of("xyzwrgba") == llvm::StringRef::npos;
}

/// The same without kept operators; nullptr where it is something else.
clang::Expr* without_operators(clang::ASTContext& ast, clang::CXXOperatorCallExpr& call) {
  if (!call.isTypeDependent() || call.getNumArgs() == 0 || !may_be_component(call.getArg(0))) return nullptr;
  const clang::OverloadedOperatorKind kind = call.getOperator();
  const clang::QualType type = ast.DependentTy;
  if (kind == clang::OO_PlusPlus || kind == clang::OO_MinusMinus) {
    const bool is_postfix = call.getNumArgs() == 2;
    const clang::UnaryOperatorKind opcode = clang::UnaryOperator::getOverloadedOpcode(kind, is_postfix);
    return clang::UnaryOperator::Create(ast, call.getArg(0), opcode, type, is_postfix ? clang::VK_PRValue : clang::VK_LValue, clang::OK_Ordinary,
                                        call.getOperatorLoc(), false, call.getFPFeatures());
  }
  if (call.getNumArgs() != 2 || !call.isAssignmentOp() || kind == clang::OO_Equal) return nullptr;
  return clang::CompoundAssignOperator::Create(ast, call.getArg(0), call.getArg(1), clang::BinaryOperator::getOverloadedOpcode(kind), type,
                                               clang::VK_LValue, clang::OK_Ordinary, call.getOperatorLoc(), call.getFPFeatures(), type, type);
}

}  // namespace

void ComponentAssignments::operator()(clang::ASTContext& ast, clang::Decl* instance) {
  const auto* function = llvm::dyn_cast_or_null<clang::FunctionDecl>(instance);
  const clang::FunctionDecl* pattern = function == nullptr ? nullptr : function->getTemplateInstantiationPattern();
  if (pattern == nullptr || !pattern->doesThisDeclarationHaveABody() || !seen_.insert(pattern).second) return;
  if (pattern->isFromASTFile() && is_library_text(ast.getSourceManager(), ast.getSourceManager().getFileLoc(pattern->getLocation()))) return;
  std::vector<clang::Stmt*> left = {pattern->getBody()};
  while (!left.empty()) {
    clang::Stmt* statement = left.back();
    left.pop_back();
    for (clang::Stmt*& child : statement->children()) {
      if (child == nullptr) continue;
      auto* call = llvm::dyn_cast<clang::CXXOperatorCallExpr>(child);
      clang::Expr* replacement = call == nullptr ? nullptr : without_operators(ast, *call);
      if (replacement != nullptr) child = replacement;
      left.push_back(child);
    }
  }
}

}  // namespace anymetal::msl
