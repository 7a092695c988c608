#pragma once
/// \file
/// Function constants that have values before the parse, so that they are constant expressions.

#include <clang/AST/Decl.h>

#include <optional>
#include <span>

#include "msl/kernels.hpp"
#include "msl/parsed_source.hpp"

namespace clang {
class CompilerInstance;
class IdentifierInfo;
class Token;
}  // namespace clang

namespace anymetal::msl {

/// Gives a function constant its value as soon as its declaration ends, where the request has one for it.
class GivenConstants {
 public:
  GivenConstants(clang::CompilerInstance& instance, const std::optional<ConstantBinding>& binding)
      : instance_(instance), binding_(binding) {}
  /// Sees every token after preprocessing, in order, before the parser does.
  void operator()(const clang::Token& token);

 private:
  void define(clang::IdentifierInfo& name);
  [[nodiscard]] clang::Expr* value(const clang::VarDecl& variable, std::uint32_t index) const;

  clang::CompilerInstance& instance_;
  const std::optional<ConstantBinding>& binding_;
  clang::IdentifierInfo* last_name_ = nullptr;  ///< identifier read last
  clang::IdentifierInfo* declared_ = nullptr;   ///< what the attributes that follow belong to
  bool begins_ = true;                          ///< a declaration may begin at the next token
  bool leads_ = false;                          ///< the attributes stand before the whole declaration
  bool is_constant_ = false;                    ///< one of these made it a function constant
  bool is_complete_ = false;                    ///< the end of its declaration was read
};

/// Whether the function constant got its value from the request.
bool is_given(const clang::VarDecl& variable);

/// Reports every function constant that was filled in for want of a value although these functions, or anything outside
/// of functions, depend on it.
void report_filled_constants(Compilation& compilation, std::span<clang::FunctionDecl* const> reachable,
                             std::span<const FunctionConstantVariable> constants);

}  // namespace anymetal::msl
