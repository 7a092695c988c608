#pragma once
/// \file
/// Rules of MSL that Clang's C++ does not know.

#include "msl/compilation.hpp"

namespace clang {
class Preprocessor;
class Token;
}  // namespace clang

namespace anymetal::msl {

/// Reports C++ keywords MSL does not have (goto, virtual, double, new, ...) wherever the user writes them.
class TokenCheck {
 public:
  /// `limit`: tokens after which the step ends; 0 for no limit.
  TokenCheck(Compilation& compilation, unsigned limit) : compilation_(compilation), limit_(limit) {}
  /// Sees every token after preprocessing, in order.
  void operator()(const clang::Token& token);
  /// Where the last of them is.
  [[nodiscard]] clang::SourceLocation last_place() const { return last_place_; }

 private:
  Compilation& compilation_;
  unsigned limit_;
  unsigned count_ = 0;
  clang::SourceLocation last_place_;
  bool after_long_ = false;
  bool after_equal_ = false;
  bool after_declarator_ = false;  ///< the last token ends one, or may
};

/// Reports what would reach beyond a kernel: attributes and builtins of the host's, names of the library's own, pointers to
/// functions.
void check_host_access(Compilation& compilation);

/// Reports attributes of a declaration that MSL does not have, that it has for others, or whose arguments are wrong. `pattern`: the template
/// whose instance this is; what it has was reported there.
void check_attributes(Compilation& compilation, const clang::Decl& declaration, const clang::Decl* pattern = nullptr);

/// Reports attributes that MSL does not have in a source with other errors, which they may explain.
void find_unknown_attributes(Compilation& compilation);

/// Reports violations of the rules on kernels, address spaces and storage in the user's declarations: those that need
/// the declaration alone, template or not.
void check_declarations(Compilation& compilation);

}  // namespace anymetal::msl
