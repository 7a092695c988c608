#pragma once
/// \file
/// Objects in different address spaces as the two results of `?:`.

#include <clang/Basic/TokenKinds.h>

#include <optional>

namespace clang {
class CompilerInstance;
class Token;
}  // namespace clang

namespace anymetal::msl {

/// In `c ? x[i] : float4(0)` Clang looks for a class type that both sides convert to, and finds none where `x` is const and
/// in a space: `const device float4` and `float4` each lack what the other has. So `__msl_value(),` is slipped in behind the
/// `?`. Its overloaded comma makes a `const float4` of an object of class type (`__msl/types.h`), to which every other
/// space converts; anything else it leaves as it is, since for that the comma is the built-in one. Not in the initialiser of
/// a reference that no value can be bound to, `device T& x = c ? a[i] : b[i];`: its two sides are objects already.
class ConditionalValues {
 public:
  explicit ConditionalValues(clang::CompilerInstance& instance) : instance_(instance) {}
  /// Sees every token after preprocessing, in order, before the parser does.
  void operator()(const clang::Token& token);

 private:
  void follow_references(const clang::Token& token);

  clang::CompilerInstance& instance_;
  bool has_space_ = false, is_const_ = false;  // what the declaration so far says
  clang::tok::TokenKind last_ = clang::tok::unknown, second_to_last_ = clang::tok::unknown;
  int depth_ = 0;               // of brackets in this statement
  std::optional<int> bound_{};  // the depth at which the initialiser of such a reference stands
};

}  // namespace anymetal::msl
