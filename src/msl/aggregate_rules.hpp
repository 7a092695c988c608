#pragma once
/// \file
/// Classes with `S() = default;` are aggregates.

#include <vector>

namespace clang {
class CompilerInstance;
class Decl;
class Token;
}  // namespace clang

namespace anymetal::msl {

/// From C++20 on a constructor that is declared at all makes a class none that braces initialise member by member, in MSL only one with a
/// body does. Where the user's classes are read and instantiated, the rule is the older one.
/// Thread contract: one thread at a time.
class AggregateRules {
 public:
  explicit AggregateRules(clang::CompilerInstance& instance) : instance_(instance) {}
  /// Sees every token after preprocessing, in order, before the parser does.
  void operator()(const clang::Token& token);
  /// Around each instantiation of a template; `instance` may be nullptr.
  void begin(const clang::Decl* instance);
  void end();

 private:
  clang::CompilerInstance& instance_;
  std::vector<bool> outer_;    ///< whether the newer rule was in force around each instantiation
  bool in_default_ = false;    ///< between `= default` and `;`
  bool after_default_ = false;
};

}  // namespace anymetal::msl
