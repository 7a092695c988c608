#include "msl/checks.hpp"
#include "msl/syntax_walk.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/AST/Expr.h>
#include <clang/AST/TypeLoc.h>
#include <clang/Basic/Builtins.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace anymetal::msl {
namespace {

/// Attributes that say something about a kernel's own code. All others reach linker, loader or processor.
bool is_harmless(clang::attr::Kind kind) {
  using namespace clang::attr;
  static constexpr std::array kHarmless = {
      Annotate,    AnnotateType, AlwaysInline, NoInline,     Flatten,        Cold,        Hot,           Const,         Pure,
      NoThrow,     Convergent,   Overloadable, EnableIf,     DiagnoseIf,     Aligned,     Packed,        MaxFieldAlignment,
      AlignMac68k, AlignNatural, Unused,       Used,         Deprecated,     Unavailable, WarnUnusedResult, FallThrough,
      Likely,      Unlikely,     CXXAssume,    NoMerge,      LoopHint,       NoUniqueAddress, EmptyBases, Final,       Override,
      TrivialABI,  Builtin,      NonNull,      ReturnsNonNull, Restrict,     AssumeAligned, Visibility,  NoEscape,      LifetimeBound,
      MayAlias,    FlagEnum,     EnumExtensibility, TypeNonNull, OptimizeNone, NoDebug,   Suppress,      Uninitialized,
      NoBuiltin,   Format,       FormatArg,    StrictFP,       Leaf,        InternalLinkage, PreferredName, Owner,
      Pointer,     ConstInit,    NoDestroy,    ExcludeFromExplicitInstantiation};
  return std::ranges::find(kHarmless, kind) != kHarmless.end();
}

bool is_pragma(const clang::Attr& attribute) {
  return std::string_view(attribute.getSpelling()) == "(No spelling)" || attribute.isImplicit();
}

/// Builtins that compute a value from their arguments, or only tell the optimiser something.
bool is_harmless(const clang::Builtin::Context& builtins, unsigned id) {
  if (builtins.isTSBuiltin(id)) return false;
  const std::string_view name = builtins.getName(id);
  static constexpr std::array<std::string_view, 9> kHost = {"__builtin_cpu_supports", "__builtin_cpu_is", "__builtin_thread_pointer", "__builtin_eh_return_data_regno",
                                                            "__builtin_operator_new",     "__builtin_operator_delete",
                                                            "__builtin_extract_return_addr", "__builtin_frob_return_addr", "__builtin_dwarf_sp_column"};
  if (std::ranges::find(kHost, name) != kHost.end()) return false;
  static constexpr std::array<std::string_view, 13> kHarmless = {
      "__builtin_assume", "__builtin_unreachable", "__builtin_memcpy", "__builtin_memcpy_inline", "__builtin_memmove", "__builtin_memset",
      "__builtin_assume_aligned", "__builtin_is_constant_evaluated", "__builtin_launder", "__builtin_addressof", "__builtin_constant_p",
      "__builtin_expect", "__builtin_nontemporal_store"};
  if (std::ranges::find(kHarmless, name) != kHarmless.end()) return true;
  for (const std::string_view prefix : {"__builtin_nondeterministic", "__builtin_add_overflow", "__builtin_sub_overflow", "__builtin_mul_overflow",
                                        "__builtin_elementwise_", "__builtin_reduce_", "__builtin_convertvector", "__builtin_shufflevector"}) {
    if (name.starts_with(prefix)) return true;
  }
  return builtins.isConst(id) || builtins.isPure(id);
}

class HostVisitor : public SyntaxWalk {
 public:
  explicit HostVisitor(Compilation& compilation) : compilation_(compilation), ast_(compilation.ast()) {}

  bool VisitDecl(clang::Decl* d) {
    for (const clang::Attr* attribute : d->attrs()) check(*attribute, d->getLocation());
    return true;
  }

  bool VisitNamedDecl(clang::NamedDecl* d) {
    const clang::IdentifierInfo* name = d->getIdentifier();
    const auto* function = llvm::dyn_cast<clang::FunctionDecl>(d);
    if (function != nullptr && !function->doesThisDeclarationHaveABody()) return true;  // devices know which there are
    if (name != nullptr && name->getName().starts_with("__msl")) error(d->getLocation(), "names that begin with '__msl' belong to the library");
    return true;
  }

  bool VisitFunctionDecl(clang::FunctionDecl* f) {
    const bool is_kernel = std::ranges::any_of(f->specific_attrs<clang::AnnotateAttr>(), [](const auto* a) { return a->getAnnotation() == "msl:kernel"; });
    if (f->getType()->castAs<clang::FunctionType>()->getNoReturnAttr()) error(f->getLocation(), "attribute 'noreturn' is not supported in Metal");
    // What is only declared is never called: whether it would be is asked of the types.
    if (f->isVariadic() && !is_kernel && f->isDefined()) error(f->getEllipsisLoc(), "variadic functions are not supported in Metal");
    return true;
  }

  bool VisitFieldDecl(clang::FieldDecl* field) {
    if (ast_.getBaseElementType(field->getType())->isFunctionPointerType()) {
      error(field->getLocation(), "pointers to functions are not supported: indirect calls do not exist in Metal compute kernels");
    }
    return true;
  }

  bool VisitCompoundStmt(clang::CompoundStmt* block) {
    if (!block->hasStoredFPFeatures()) return true;
    const clang::FPOptionsOverride features = block->getStoredFPFeatures();
    const bool rounds_otherwise = features.hasConstRoundingModeOverride() && features.getConstRoundingModeOverride() != llvm::RoundingMode::NearestTiesToEven;
    if (rounds_otherwise) error(block->getLBracLoc(), "'#pragma STDC FENV_ROUND' is not supported in Metal: results are rounded to nearest");
    return true;
  }

  bool VisitAttributedStmt(clang::AttributedStmt* statement) {
    for (const clang::Attr* attribute : statement->getAttrs()) check(*attribute, statement->getBeginLoc());
    return true;
  }

  bool visit_attributed_type(clang::AttributedTypeLoc type) override {
    if (const clang::Attr* attribute = type.getAttr()) check(*attribute, type.getBeginLoc());
    return true;
  }

  bool VisitDeclRefExpr(clang::DeclRefExpr* reference) {
    const auto* function = llvm::dyn_cast<clang::FunctionDecl>(reference->getDecl());
    const unsigned id = function == nullptr ? 0 : function->getBuiltinID();
    if (id == 0 || is_harmless(ast_.BuiltinInfo, id)) return true;
    error(reference->getBeginLoc(), fmt::format("'{}' is not supported in Metal", function->getName().str()));
    return true;
  }

 private:
  bool visit_declaration(clang::Decl* d) override {
    return visit_as(*this, d, &HostVisitor::VisitDecl, &HostVisitor::VisitNamedDecl, &HostVisitor::VisitFunctionDecl, &HostVisitor::VisitFieldDecl);
  }
  bool visit_statement(clang::Stmt* s) override {
    return visit_as(*this, s, &HostVisitor::VisitCompoundStmt, &HostVisitor::VisitAttributedStmt, &HostVisitor::VisitDeclRefExpr);
  }

  void check(const clang::Attr& attribute, clang::SourceLocation subject) {
    if (is_harmless(attribute.getKind())) return;
    const bool is_written = compilation_.is_users(attribute.getLocation());
    error(is_written ? attribute.getLocation() : subject, is_pragma(attribute) ? "what this pragma does is not supported in Metal"
                                                                    : fmt::format("attribute '{}' is not supported in Metal", attribute.getSpelling()));
  }
  void error(clang::SourceLocation location, const std::string& message) {
    compilation_.report(clang::DiagnosticsEngine::Error, location, message);
  }

  Compilation& compilation_;
  clang::ASTContext& ast_;
};

}  // namespace

void check_host_access(Compilation& compilation) {
  HostVisitor visitor(compilation);
  for (clang::Decl* d : compilation.declarations()) {
    if (compilation.is_users(d->getLocation())) visitor.walk(d);
  }
}

}  // namespace anymetal::msl
