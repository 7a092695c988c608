#pragma once
/// \file
/// A walk over Clang's syntax tree whose code stands once: each class made of `clang::RecursiveASTVisitor` instantiates
/// some thousand functions, half a minute of the build.

#include <llvm/Support/Casting.h>

namespace clang {
class AttributedTypeLoc;
class Decl;
class Stmt;
}  // namespace clang

namespace anymetal::msl {

/// Visits a node, then what is in it, in source order, as `clang::RecursiveASTVisitor` does. Used by one thread.
///
///     class Calls : public SyntaxWalk {
///      public:
///       int count = 0;
///       bool visit_statement(clang::Stmt* s) override { return visit_as(*this, s, &Calls::call); }
///       bool call(clang::CallExpr*) { return ++count, true; }
///     } calls;
///     calls.walk(function);
class SyntaxWalk {
 public:
  /// What is walked beside the text that the user wrote.
  struct Beside {
    bool instantiations = false;  ///< of templates
    bool implicit_code = false;
  };

  SyntaxWalk() = default;
  explicit SyntaxWalk(Beside beside) : beside_(beside) {}
  virtual ~SyntaxWalk();

  /// Walks `node`, which may be null. False where a function below ended the walk.
  bool walk(clang::Decl* node);
  bool walk(clang::Stmt* node);

 protected:
  /// Each node before what is in it. False ends the walk.
  virtual bool visit_declaration(clang::Decl*) { return true; }
  virtual bool visit_statement(clang::Stmt*) { return true; }
  virtual bool visit_attributed_type(clang::AttributedTypeLoc);
  /// Whether a statement is visited, with what is in it.
  virtual bool is_entered(clang::Stmt*) { return true; }

 private:
  class Visitor;
  Beside beside_;
};

/// Calls each of `functions` for whose parameter `node` can stand, in their order, until one returns false, which is
/// then the result.
template <typename Visitor, typename Node, typename... Kinds>
bool visit_as(Visitor& visitor, Node* node, bool (Visitor::*... functions)(Kinds*)) {
  const auto call = [&]<typename Kind>(bool (Visitor::*function)(Kind*)) {
    auto* const kind = llvm::dyn_cast<Kind>(node);
    return kind == nullptr || (visitor.*function)(kind);
  };
  return (call(functions) && ...);
}

}  // namespace anymetal::msl
