#pragma once
/// \file
/// Objects in different address spaces as the two results of `?:`.

namespace clang {
class CompilerInstance;
class Token;
}  // namespace clang

namespace anymetal::msl {

/// In `c ? x[i] : float4(0)` Clang looks for a class type that both sides convert to, and finds none where `x` is const and
/// in a space: `const device float4` and `float4` each lack what the other has. So `__msl_value(),` is slipped in behind the
/// `?`. Its overloaded comma makes a `const float4` of an object of class type (`__msl/types.h`), to which every other
/// space converts; anything else it leaves as it is, since for that the comma is the built-in one.
class ConditionalValues {
 public:
  explicit ConditionalValues(clang::CompilerInstance& instance) : instance_(instance) {}
  /// Sees every token after preprocessing, in order, before the parser does.
  void operator()(const clang::Token& token);

 private:
  clang::CompilerInstance& instance_;
};

}  // namespace anymetal::msl
