#include "msl/reachability.hpp"

#include "msl/address_spaces.hpp"
#include "msl/annotations.hpp"
#include "msl/component_checks.hpp"
#include "msl/constant_operands.hpp"
#include "msl/syntax_walk.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/ExprCXX.h>
#include <clang/Sema/Sema.h>

#include <algorithm>
#include <set>

namespace anymetal::msl {
namespace {

class Walker : public SyntaxWalk {
 public:
  explicit Walker(Compilation& compilation)
      : SyntaxWalk({.instantiations = true, .implicit_code = true}), compilation_(compilation), sema_(compilation.sema()), spaces_(compilation) {}

  Reachable run(clang::FunctionDecl* root) {
    need(root, root->getLocation());
    for (std::size_t next = 0; next < result_.functions.size(); ++next) {
      spaces_.enable(next > 0);  // the root is the wrapper, which casts between spaces
      walk(result_.functions[next]);
    }
    const clang::SourceManager& sources = sema_.getSourceManager();
    std::ranges::sort(result_.variables, [&](const clang::VarDecl* a, const clang::VarDecl* b) {
      return sources.isBeforeInTranslationUnit(a->getLocation(), b->getLocation());
    });
    return std::move(result_);
  }

  bool VisitDeclRefExpr(clang::DeclRefExpr* e) { return need(e->getDecl(), e->getLocation()); }
  bool VisitMemberExpr(clang::MemberExpr* e) { return need(e->getMemberDecl(), e->getMemberLoc()); }
  bool VisitCallExpr(clang::CallExpr* e) { return spaces_.call(*e), true; }
  bool VisitBinaryOperator(clang::BinaryOperator* e) {
    spaces_.assignment(*e);
    define_constant_operand(sema_.Context, *e);
    return true;
  }
  bool VisitReturnStmt(clang::ReturnStmt* s) { return spaces_.returned(*s), true; }
  bool VisitInitListExpr(clang::InitListExpr* e) { return spaces_.braces(*e), true; }
  bool VisitConditionalOperator(clang::ConditionalOperator* e) { return spaces_.choice(*e), true; }
  bool VisitExplicitCastExpr(clang::ExplicitCastExpr* e) { return spaces_.cast(*e), true; }
  bool VisitCXXConstructExpr(clang::CXXConstructExpr* e) {
    spaces_.construction(*e);
    check_components(compilation_, *e);
    need(e->getConstructor(), e->getLocation());
    return need_destructor(e->getType());
  }
  bool VisitCXXInheritedCtorInitExpr(clang::CXXInheritedCtorInitExpr* e) { return need(e->getConstructor(), e->getLocation()); }
  bool VisitCXXBindTemporaryExpr(clang::CXXBindTemporaryExpr* e) { return need_destructor(e->getType()); }
  bool VisitCXXDefaultArgExpr(clang::CXXDefaultArgExpr* e) { return walk(e->getExpr()); }
  bool VisitCXXDefaultInitExpr(clang::CXXDefaultInitExpr* e) { return walk(e->getExpr()); }
  bool VisitRecoveryExpr(clang::RecoveryExpr*) { return result_.is_broken = true; }
  bool VisitVarDecl(clang::VarDecl* variable) {
    result_.is_broken = result_.is_broken || variable->isInvalidDecl();
    spaces_.variable(*variable);
    if (variable->isStaticLocal() && is_threadgroup_variable(*variable)) result_.threadgroup_variables.push_back(variable);
    return need_destructor(variable->getType());
  }

 private:
  bool visit_declaration(clang::Decl* d) override { return visit_as(*this, d, &Walker::VisitVarDecl); }
  bool visit_statement(clang::Stmt* s) override {
    return visit_as(*this, s, &Walker::VisitDeclRefExpr, &Walker::VisitMemberExpr, &Walker::VisitCallExpr,
                    &Walker::VisitBinaryOperator, &Walker::VisitReturnStmt, &Walker::VisitInitListExpr, &Walker::VisitConditionalOperator,
                    &Walker::VisitExplicitCastExpr, &Walker::VisitCXXConstructExpr, &Walker::VisitCXXInheritedCtorInitExpr,
                    &Walker::VisitCXXBindTemporaryExpr, &Walker::VisitCXXDefaultArgExpr, &Walker::VisitCXXDefaultInitExpr, &Walker::VisitRecoveryExpr);
  }
  // The call operator of a lambda is reached through its use.
  bool is_entered(clang::Stmt* s) override {
    auto* const lambda = llvm::dyn_cast<clang::LambdaExpr>(s);
    if (lambda == nullptr) return true;
    for (clang::Expr* init : lambda->capture_inits()) walk(init);
    return false;
  }

  bool need_destructor(clang::QualType type) {
    const clang::QualType element = sema_.Context.getBaseElementType(type);
    auto* record = element->getAsCXXRecordDecl();
    if (record != nullptr && record->hasDefinition() && !record->hasTrivialDestructor()) need(record->getDestructor(), record->getLocation());
    return true;
  }

  bool need(clang::ValueDecl* declaration, clang::SourceLocation use) {
    if (auto* function = llvm::dyn_cast_or_null<clang::FunctionDecl>(declaration)) need_function(function, use);
    if (auto* variable = llvm::dyn_cast_or_null<clang::VarDecl>(declaration)) need_variable(variable, use);
    return true;
  }

  void need_function(clang::FunctionDecl* function, clang::SourceLocation use) {
    if (!seen_.insert(function->getCanonicalDecl()).second || function->isImmediateFunction()) return;
    if (function->getBuiltinID() != 0 && !function->hasBody()) return;
    const clang::FunctionDecl* pattern = function->isDefined() ? nullptr : function->getTemplateInstantiationPattern();
    // Only declared, and only named where nothing is evaluated: `decltype(make<T>())`.
    if (!(pattern != nullptr ? pattern : function)->isDefined() && !function->isUsed(false)) return;
    if (pattern != nullptr && (pattern->isDefined() || compilation_.is_users(pattern->getLocation()))) {
      const clang::SourceLocation asked_for = function->getPointOfInstantiation();
      const clang::SourceLocation place = asked_for.isValid() ? asked_for : function->getLocation();
      if (function->getTemplateSpecializationKind() == clang::TSK_ExplicitInstantiationDeclaration) {
        function->setTemplateSpecializationKind(clang::TSK_ExplicitInstantiationDefinition, place);
      }
      sema_.InstantiateFunctionDefinition(place, function, true, true, true);
    }
    result_.is_broken = result_.is_broken || function->isInvalidDecl();
    const clang::FunctionDecl* definition = nullptr;
    if (function->isDefined(definition)) result_.functions.push_back(const_cast<clang::FunctionDecl*>(definition));
    else result_.undefined.push_back({function, use});
  }

  void need_variable(clang::VarDecl* variable, clang::SourceLocation use) {
    if (variable->hasLocalStorage() || !seen_.insert(variable->getCanonicalDecl()).second) return;
    if (variable->isStaticLocal()) return;
    make_inline(*variable);
    clang::VarDecl* definition = variable->getDefinition();
    if (definition == nullptr && variable->getTemplateInstantiationPattern() != nullptr) {
      sema_.InstantiateVariableDefinition(variable->getLocation(), variable, true, false, true);
      definition = variable->getDefinition();
    }
    if (definition == nullptr) return result_.undefined.push_back({variable, use});
    result_.variables.push_back(definition);
    if (definition->getInit() != nullptr) walk(definition->getInit());
  }

  /// MSL's static members are defined where they are initialised, in C++ only inline ones are.
  static void make_inline(clang::VarDecl& variable) {
    if (!variable.isStaticDataMember() || variable.isInline()) return;
    clang::VarDecl* pattern = variable.getTemplateInstantiationPattern();
    if (pattern != nullptr && pattern->hasInit()) pattern->setInlineSpecified();
    if (variable.hasInit() || (pattern != nullptr && pattern->hasInit())) variable.setInlineSpecified();
  }

  Compilation& compilation_;
  clang::Sema& sema_;
  SpaceCheck spaces_;
  Reachable result_;
  std::set<const clang::Decl*> seen_;
};

}  // namespace

Reachable find_reachable(Compilation& compilation, clang::FunctionDecl* root) { return Walker(compilation).run(root); }

}  // namespace anymetal::msl
