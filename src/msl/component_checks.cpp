#include "msl/component_checks.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/ExprCXX.h>
#include <fmt/format.h>

#include "msl/compilation.hpp"
#include "msl/value_types.hpp"

namespace anymetal::msl {

void check_components(Compilation& compilation, const clang::CXXConstructExpr& construction) {
  if (!construction.isStdInitListInitialization() || construction.getNumArgs() == 0 ||
      !compilation.is_users(construction.getBeginLoc()))
    return;
  const auto type = value_type(construction.getType());
  const auto* list = llvm::dyn_cast<clang::CXXStdInitializerListExpr>(construction.getArg(0)->IgnoreImplicit());
  const auto* values =
      list == nullptr ? nullptr : llvm::dyn_cast<clang::InitListExpr>(list->getSubExpr()->IgnoreImplicit());
  if (!type || values == nullptr || values->getNumInits() <= type->components) return;
  compilation.report(clang::DiagnosticsEngine::Error, values->getInit(type->components)->getBeginLoc(),
                     fmt::format("wrong number of components: {} for '{}'", values->getNumInits(),
                                 type_spelling(compilation.ast(), construction.getType())));
}

}  // namespace anymetal::msl
