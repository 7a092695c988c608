#pragma once
/// \file
/// `v.x += y` and `++v.x` in templates of sources that have such operators of their own.

#include <set>

namespace clang {
class ASTContext;
class Decl;
class FunctionDecl;
class Stmt;
}  // namespace clang

namespace anymetal::msl {

/// Where a template is read, Clang keeps the operators that are declared by then with `v.x += y`, and when it is instantiated it takes
/// the expression for a call of one of them or for a builtin one: the component of a vector, a property, is assigned by neither. Without
/// kept operators it looks again and assigns the property. Thread contract: one thread at a time.
class ComponentAssignments {
 public:
  /// To be told of each declaration that is about to be instantiated.
  void operator()(clang::ASTContext& ast, clang::Decl* instance);

 private:
  std::set<const clang::FunctionDecl*> seen_;  ///< patterns
};

}  // namespace anymetal::msl
