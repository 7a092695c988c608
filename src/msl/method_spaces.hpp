#pragma once
/// \file
/// Address spaces behind member functions, `T sum() const device;`: the space of the object they are called on.

namespace clang {
class CompilerInstance;
class TargetInfo;
class Token;
}  // namespace clang

namespace anymetal::msl {

/// Makes every address space the target's space 0, while types stay different.
void erase_target_spaces(clang::TargetInfo& target);

/// Clang reads these qualifiers on member functions in every language but understands them in OpenCL C++ only. Where
/// one is seen this language is switched on for the one declarator, and the space it has put on the function replaced
/// by that of pointers (docs/address-spaces.md). A function qualified with `thread` gets that annotation.
class MethodSpaces {
 public:
  explicit MethodSpaces(clang::CompilerInstance& instance) : instance_(instance) {}
  /// Sees every token after preprocessing, in order, before the parser does.
  void operator()(const clang::Token& token);

 private:
  void correct_methods();

  clang::CompilerInstance& instance_;
  bool after_parameters_ = false;  ///< the tokens so far are `)` and qualifiers
  bool is_pending_ = false;        ///< a member function with a space is being declared
  bool is_declared_ = false;       ///< and its declarator has ended
  bool has_spaces_ = false;        ///< the class that is being read has such functions
};

}  // namespace anymetal::msl
