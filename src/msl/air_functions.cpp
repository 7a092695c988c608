#include "msl/air_functions.hpp"

#include "msl/annotations.hpp"
#include "msl/syntax_walk.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/Sema/EnterExpressionEvaluationContext.h>
#include <clang/Sema/Lookup.h>
#include <clang/Sema/Sema.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace anymetal::msl {
namespace {

struct AirFunction {
  std::string_view name;
  const char* library;        ///< the function that does it
  std::string_view takes;  ///< its parameters, for messages
};

constexpr std::array<AirFunction, 5> kAirFunctions = {{
    {"air.simdgroup_async_copy_1d.p3i8.p1i8", "__msl_air_load_1d", "(ulong, ulong, threadgroup void *, const device void *, ulong)"},
    {"air.simdgroup_async_copy_1d.p1i8.p3i8", "__msl_air_store_1d", "(ulong, ulong, device void *, const threadgroup void *, ulong)"},
    {"air.simdgroup_async_copy_2d.p3i8.p1i8", "__msl_air_load_2d",
     "(ulong, ulong, threadgroup void *, ulong, ulong, ulong2, const device void *, ulong, ulong, ulong2, long2, int)"},
    {"air.simdgroup_async_copy_2d.p1i8.p3i8", "__msl_air_store_2d",
     "(ulong, ulong, device void *, ulong, ulong, ulong2, const threadgroup void *, ulong, ulong, ulong2, long2, int)"},
    {"air.wait_simdgroup_events", "__msl_air_wait", "(int, thread event **)"},
}};

class AirVisitor : public SyntaxWalk {
 public:
  explicit AirVisitor(Compilation& compilation) : compilation_(compilation), sema_(compilation.sema()), ast_(compilation.ast()) {}

  bool visit_declaration(clang::Decl* d) override { return visit_as(*this, d, &AirVisitor::VisitDeclaratorDecl); }

  bool VisitDeclaratorDecl(clang::DeclaratorDecl* declaration) {
    const clang::AnnotateAttr* attribute = find_annotation(*declaration, "air");
    if (attribute == nullptr) return true;
    const std::string name = string_argument(*attribute).value_or("");
    const auto known = std::ranges::find(kAirFunctions, name, &AirFunction::name);
    auto* function = llvm::dyn_cast<clang::FunctionDecl>(declaration);
    if (known == kAirFunctions.end()) {
      error(*attribute, fmt::format("'{}' is not supported: of the intrinsics of Apple's IR a source may declare {}", name, names()));
    } else if (function == nullptr || function->isDefined() || function->isTemplated() || !define(*function, *known)) {
      error(*attribute, fmt::format("'{}' names a function without a body that takes {}", name, known->takes));
    }
    return true;
  }

 private:
  static std::string names() {
    std::string list;
    for (const AirFunction& f : kAirFunctions) list += fmt::format("{}'{}'", list.empty() ? "" : ", ", f.name);
    return list;
  }

  /// The result is a pointer to what only the source knows, and so are events.
  bool define(clang::FunctionDecl& function, const AirFunction& known) {
    const clang::SourceLocation at = function.getLocation();
    clang::FunctionDecl* library = find(known.library, at);
    const bool gives_nothing = library != nullptr && library->getReturnType()->isVoidType();
    const bool fits = library != nullptr && function.getNumParams() == library->getNumParams() && !function.isVariadic() &&
                      (gives_nothing ? function.getReturnType()->isVoidType() : function.getReturnType()->isPointerType());
    if (!fits) return false;
    const clang::Sema::ContextRAII context(sema_, &function);
    const clang::EnterExpressionEvaluationContext evaluated(sema_, clang::Sema::ExpressionEvaluationContext::PotentiallyEvaluated);
    llvm::SmallVector<clang::Expr*, 16> arguments;
    for (unsigned i = 0; i < function.getNumParams(); ++i) {
      clang::ParmVarDecl* parameter = function.getParamDecl(i);
      const clang::QualType wanted = library->getParamDecl(i)->getType();
      if (!fits_into(parameter->getType(), wanted)) return false;
      clang::Expr* value = sema_.BuildDeclRefExpr(parameter, parameter->getType(), clang::VK_LValue, at);
      arguments.push_back(sema_.BuildCStyleCastExpr(at, ast_.getTrivialTypeSourceInfo(wanted, at), at, value).get());
    }
    clang::Expr* callee = sema_.BuildDeclRefExpr(library, library->getType(), clang::VK_LValue, at);
    clang::ExprResult result = sema_.BuildCallExpr(nullptr, callee, at, arguments, at);
    if (!gives_nothing && result.isUsable()) {
      result = sema_.BuildCStyleCastExpr(at, ast_.getTrivialTypeSourceInfo(function.getReturnType(), at), at, result.get());
    }
    if (!result.isUsable()) return false;
    clang::Stmt* statement = sema_.MaybeCreateExprWithCleanups(result.get());
    if (!gives_nothing) statement = clang::ReturnStmt::Create(ast_, at, result.get(), nullptr);
    function.setBody(clang::CompoundStmt::Create(ast_, statement, clang::FPOptionsOverride(), at, at));
    function.addAttr(clang::AlwaysInlineAttr::CreateImplicit(ast_));
    return true;
  }

  bool fits_into(clang::QualType given, clang::QualType wanted) const {
    if (!given->isPointerType() || !wanted->isPointerType()) return ast_.hasSameUnqualifiedType(given, wanted);
    return given->getPointeeType().getAddressSpace() == wanted->getPointeeType().getAddressSpace();
  }

  clang::FunctionDecl* find(const char* name, clang::SourceLocation at) {
    clang::LookupResult found(sema_, clang::DeclarationName(&ast_.Idents.get(name)), at, clang::Sema::LookupOrdinaryName);
    sema_.LookupQualifiedName(found, ast_.getTranslationUnitDecl());
    return found.getAsSingle<clang::FunctionDecl>();
  }

  void error(const clang::AnnotateAttr& attribute, const std::string& message) {
    compilation_.report(clang::DiagnosticsEngine::Error, attribute.getLocation(), message);
  }

  Compilation& compilation_;
  clang::Sema& sema_;
  clang::ASTContext& ast_;
};

}  // namespace

void define_air_functions(Compilation& compilation) {
  AirVisitor visitor(compilation);
  for (clang::Decl* d : compilation.declarations()) {
    if (compilation.is_users(d->getLocation())) visitor.walk(d);
  }
}

}  // namespace anymetal::msl
