#include "msl/syntax_walk.hpp"

#include <clang/AST/RecursiveASTVisitor.h>

namespace anymetal::msl {

class SyntaxWalk::Visitor : public clang::RecursiveASTVisitor<Visitor> {
 public:
  explicit Visitor(SyntaxWalk& walk) : walk_(walk) {}

  bool shouldVisitTemplateInstantiations() const { return walk_.beside_.instantiations; }
  bool shouldVisitImplicitCode() const { return walk_.beside_.implicit_code; }
  bool dataTraverseStmtPre(clang::Stmt* node) { return walk_.is_entered(node); }
  bool VisitDecl(clang::Decl* node) { return walk_.visit_declaration(node); }
  bool VisitStmt(clang::Stmt* node) { return walk_.visit_statement(node); }
  bool VisitAttributedTypeLoc(clang::AttributedTypeLoc node) { return walk_.visit_attributed_type(node); }

 private:
  SyntaxWalk& walk_;
};

SyntaxWalk::~SyntaxWalk() = default;

bool SyntaxWalk::walk(clang::Decl* node) { return Visitor(*this).TraverseDecl(node); }

bool SyntaxWalk::walk(clang::Stmt* node) { return Visitor(*this).TraverseStmt(node); }

bool SyntaxWalk::visit_attributed_type(clang::AttributedTypeLoc) { return true; }

}  // namespace anymetal::msl
