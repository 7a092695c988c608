#pragma once
/// \file
/// What a function needs to be compiled: every function and variable it can reach.

#include "msl/compilation.hpp"

#include <clang/AST/Decl.h>

#include <vector>

namespace anymetal::msl {

/// A function or variable without a definition, and where it is used first.
struct Undefined {
  clang::ValueDecl* declaration = nullptr;
  clang::SourceLocation use;
};

struct Reachable {
  std::vector<clang::FunctionDecl*> functions;  ///< definitions, the root first
  std::vector<clang::VarDecl*> variables;       ///< of static storage, in source order
  std::vector<clang::VarDecl*> threadgroup_variables;
  std::vector<Undefined> undefined;
  bool is_broken = false;  ///< something in them has errors, which may have been reported for another root
};

/// Walks bodies from `root` on; templates only declared so far are instantiated, which may report errors.
Reachable find_reachable(Compilation& compilation, clang::FunctionDecl* root);

}  // namespace anymetal::msl
