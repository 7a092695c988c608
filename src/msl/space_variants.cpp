#include "msl/address_spaces.hpp"
#include "msl/annotations.hpp"
#include "msl/space_duplicates.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/DeclTemplate.h>
#include <clang/AST/ExprCXX.h>
#include <clang/Sema/Sema.h>

namespace anymetal::msl {
namespace {

bool same_parameters(const clang::FunctionDecl& a, const clang::FunctionDecl& b) {
  if (a.getNumParams() != b.getNumParams()) return false;
  for (unsigned i = 0; i < a.getNumParams(); ++i) {
    if (!a.getASTContext().hasSameType(a.getParamDecl(i)->getType(), b.getParamDecl(i)->getType())) return false;
  }
  return true;
}

/// Arguments whose space is the parameter's; negative where one contradicts it.
int fit(const clang::FunctionDecl& function, const clang::CallExpr& call) {
  int matches = 0;
  for (unsigned i = 0; i < std::min(call.getNumArgs(), function.getNumParams()); ++i) {
    const clang::ParmVarDecl& parameter = *function.getParamDecl(i);
    const std::string_view want = address_space(parameter);
    if (want.empty() || want == "any_space") continue;
    const std::string_view have = space_of(*call.getArg(i), parameter.getType()->isReferenceType());
    if (have == want) ++matches;
    else if (!have.empty()) return -1;
  }
  return matches;
}

/// The variant as a function: of a template, the instantiation with the arguments of `like`.
clang::FunctionDecl* as_function(clang::Sema& sema, clang::NamedDecl* variant, const clang::FunctionDecl& like, clang::SourceLocation at) {
  if (auto* definition = llvm::dyn_cast<clang::FunctionTemplateDecl>(variant)) {
    const auto* arguments = like.getTemplateSpecializationArgs();
    return arguments == nullptr ? nullptr : sema.InstantiateFunctionDeclaration(definition, arguments, at);
  }
  return llvm::dyn_cast<clang::FunctionDecl>(variant);
}

}  // namespace

void resolve_space_variant(clang::Sema& sema, clang::CallExpr& call) {
  auto* reference = llvm::dyn_cast<clang::DeclRefExpr>(call.getCallee()->IgnoreParenImpCasts());
  const auto* callee = reference == nullptr ? nullptr : llvm::dyn_cast<clang::FunctionDecl>(reference->getDecl());
  if (callee == nullptr || !callee->getDeclName().isIdentifier() || callee->isFromASTFile()) return;
  clang::FunctionDecl* best = nullptr;
  int best_fit = fit(*callee, call);
  for (unsigned number = 1;; ++number) {
    const std::string name = callee->getName().str() + std::string(kVariantSuffix) + std::to_string(number);
    const auto found = callee->getDeclContext()->lookup(&sema.Context.Idents.get(name));
    if (found.empty()) break;
    for (clang::NamedDecl* candidate : found) {
      clang::FunctionDecl* variant = as_function(sema, candidate, *callee, call.getBeginLoc());
      if (variant == nullptr || !same_parameters(*variant, *callee)) continue;
      const int variant_fit = fit(*variant, call);
      if (variant_fit > best_fit) std::tie(best, best_fit) = std::pair(variant, variant_fit);
    }
  }
  if (best != nullptr) reference->setDecl(best);
}

}  // namespace anymetal::msl
