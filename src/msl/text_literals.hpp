#pragma once
/// \file
/// String literals, which lie in constant memory.

#include <vector>

namespace clang {
class CompilerInstance;
class Token;
}  // namespace clang

namespace anymetal::msl {

/// In Clang's types a literal is in the default space. In a source that speaks of `constant char` those that are an argument,
/// an initial value, in braces too, or a result are followed by `+ __msl_in_constant`: `report(__FILE__, "at %d", i)` takes `constant char*`.
class TextLiterals {
 public:
  explicit TextLiterals(clang::CompilerInstance& instance) : instance_(instance) {}
  /// Sees every token after preprocessing, in order, before the parser does.
  void operator()(const clang::Token& token);

 private:
  /// An open parenthesis or brace.
  struct Bracket {
    bool takes_text = false;  ///< literals in it are pointers
    bool is_attribute = false;
  };

  void follow(const clang::Token& token);
  [[nodiscard]] bool may_precede(const clang::Token& token) const;
  [[nodiscard]] bool holds_pointers() const;

  clang::CompilerInstance& instance_;
  std::vector<Bracket> open_;
  bool speaks_of_text_ = false;
  bool may_follow_ = false;          ///< a literal that follows may be such a value
  bool is_attribute_next_ = false;   ///< behind `__attribute__`
  bool in_attribute_list_ = false;   ///< in `[[ ]]`
  bool declares_characters_ = false; ///< `char` was read in this declaration, and no `*` behind it
  bool after_callee_ = false;        ///< the last token may be the name of a function
  bool after_square_ = false;        ///< it is `[`
  bool after_bounds_ = false;        ///< it is `]`
  unsigned char constant_char_ = 0;  ///< 1 behind the space, 2 behind `char`
};

}  // namespace anymetal::msl
