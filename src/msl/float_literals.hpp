#pragma once
/// \file
/// Floating literals without a suffix: float in MSL, which has no double.

namespace clang {
class Preprocessor;
class Token;
}  // namespace clang

namespace anymetal::msl {

/// Gives each such literal the suffix `f` on its way to the parser. Clang's own option for OpenCL converts the double instead, and forgets
/// the conversion where a template is instantiated: `x / 6 + 0.5` with a dependent x would be computed as double there.
class FloatLiterals {
 public:
  explicit FloatLiterals(clang::Preprocessor& preprocessor) : preprocessor_(preprocessor) {}
  /// Sees every token after preprocessing, in order, before the parser does.
  void operator()(const clang::Token& token);

 private:
  clang::Preprocessor& preprocessor_;
};

}  // namespace anymetal::msl
