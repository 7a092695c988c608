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
  explicit TokenCheck(Compilation& compilation) : compilation_(compilation) {}
  /// Sees every token after preprocessing, in order.
  void operator()(const clang::Token& token);

 private:
  Compilation& compilation_;
  bool after_long_ = false;
  bool after_equal_ = false;
};

/// Reports violations of the rules on kernels, address spaces and storage in the user's declarations: those that need
/// the declaration alone, template or not.
void check_declarations(Compilation& compilation);

}  // namespace anymetal::msl
