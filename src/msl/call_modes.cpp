#include "msl/call_modes.hpp"

#include <clang/AST/ASTContext.h>
#include <clang/AST/Attr.h>
#include <clang/AST/Decl.h>
#include <clang/AST/Expr.h>
#include <clang/AST/ExprCXX.h>
#include <clang/AST/Stmt.h>
#include <llvm/IR/InstrTypes.h>

#include <array>
#include <optional>

namespace anymetal::msl {
namespace {

// Attributes that Clang has for calls and that mean nothing for what is taken out again before any pass looks.
constexpr auto kMarked = llvm::Attribute::AlwaysInline;
constexpr auto kSafe = llvm::Attribute::NoMerge;
constexpr auto kUncontracted = llvm::Attribute::NoInline;

struct Mode {
  bool is_safe = false;
  bool contracts = true;
  bool operator==(const Mode&) const = default;
};

Mode mode_in(const clang::FPOptions& features) {
  return {!features.getAllowFPReassociate(), features.getFPContractMode() != clang::LangOptions::FPM_Off};
}

/// Blocks that are no statements: functions of their own, and values.
bool is_apart(const clang::Stmt& statement) {
  return llvm::isa<clang::LambdaExpr, clang::StmtExpr, clang::BlockExpr>(statement);
}

class Marker {
 public:
  explicit Marker(clang::ASTContext& ast) : ast_(ast), usual_(mode_in(clang::FPOptions(ast.getLangOpts()))) {}

  /// Whether a block below, or this one, is in another mode than the options say. A block is in that of the calls in
  /// it, which is one: pragmas stand where blocks begin.
  bool differs(const clang::Stmt& statement) const {
    if (is_apart(statement)) return false;
    if (const auto* call = llvm::dyn_cast<clang::CallExpr>(&statement); call != nullptr && mode_of(*call) != usual_)
      return true;
    for (const clang::Stmt* child : statement.children()) {
      if (child != nullptr && differs(*child)) return true;
    }
    return false;
  }

  clang::Stmt* marked(clang::Stmt* statement) {
    if (is_apart(*statement)) return statement;
    for (clang::Stmt*& child : statement->children()) {
      if (child != nullptr) child = marked(child);
    }
    auto* attributed =
        llvm::dyn_cast<clang::AttributedStmt>(statement);  // a loop with a hint, which ends what holds outside
    if (attributed == nullptr && !llvm::isa<clang::CompoundStmt>(statement)) return statement;
    const auto mode = mode_inside(*statement);
    if (!mode) return statement;
    return attributed == nullptr ? with_attributes(statement, {}, *mode)
                                 : with_attributes(attributed->getSubStmt(), attributed->getAttrs(), *mode);
  }

 private:
  [[nodiscard]] Mode mode_of(const clang::CallExpr& call) const {
    return mode_in(call.getFPFeaturesInEffect(ast_.getLangOpts()));
  }

  /// Of the first call in a block that is in none of its blocks.
  [[nodiscard]] std::optional<Mode> mode_inside(const clang::Stmt& block) const {
    for (const clang::Stmt* child : block.children()) {
      if (child == nullptr || is_block(*child) || is_apart(*child)) continue;
      if (const auto* call = llvm::dyn_cast<clang::CallExpr>(child)) return mode_of(*call);
      if (const auto mode = mode_inside(*child)) return mode;
    }
    return std::nullopt;
  }

  static bool is_block(const clang::Stmt& statement) {
    const auto* attributed = llvm::dyn_cast<clang::AttributedStmt>(&statement);
    return llvm::isa<clang::CompoundStmt>(attributed != nullptr ? *attributed->getSubStmt() : statement);
  }

  clang::Stmt* with_attributes(clang::Stmt* block, llvm::ArrayRef<const clang::Attr*> others, Mode mode) {
    llvm::SmallVector<const clang::Attr*, 4> attributes(others);
    attributes.push_back(clang::AlwaysInlineAttr::CreateImplicit(ast_));
    if (mode.is_safe) attributes.push_back(clang::NoMergeAttr::CreateImplicit(ast_));
    if (!mode.contracts) attributes.push_back(clang::NoInlineAttr::CreateImplicit(ast_));
    return clang::AttributedStmt::Create(ast_, block->getBeginLoc(), attributes, block);
  }

  clang::ASTContext& ast_;
  Mode usual_;
};

}  // namespace

void mark_call_modes(clang::ASTContext& ast, clang::FunctionDecl& function) {
  clang::Stmt* body = function.getBody();
  if (body == nullptr || !llvm::isa<clang::CompoundStmt>(body)) return;  // marked for an earlier entry
  Marker marker(ast);
  if (marker.differs(*body)) function.setBody(marker.marked(body));
}

CallMode mode_of(const llvm::CallBase& call) {
  const llvm::AttributeList attributes = call.getAttributes();
  return {attributes.hasFnAttr(kMarked), attributes.hasFnAttr(kSafe), !attributes.hasFnAttr(kUncontracted)};
}

void unmark(llvm::CallBase& call) {
  for (const auto kind : {kMarked, kSafe, kUncontracted}) call.removeFnAttr(kind);
}

}  // namespace anymetal::msl
