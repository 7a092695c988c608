#pragma once
/// \file
/// `static constexpr` in front of a function constant, where it comes from a macro.

namespace clang {
class Token;
}

namespace anymetal::msl {

/// The pre-pass declares a function constant external, since it has no value yet, and removes `static`, `constexpr` and `inline` from the
/// declaration. Where such a word stands in a macro (`#define CONSTANT static constant constexpr const`) the pre-pass does not see it, and
/// here it becomes another `const`, which all these variables are.
class ConstantSpecifiers {
 public:
  /// Sees every token after preprocessing, in order, before the parser does.
  void operator()(const clang::Token& token);

 private:
  bool is_external_ = false;  ///< since `__msl_extern`, until the declaration's attributes, its value or its end
};

}  // namespace anymetal::msl
