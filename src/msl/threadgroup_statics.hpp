#pragma once
/// \file
/// Storage of `threadgroup` variables in function bodies.

namespace clang {
class CompilerInstance;
class Token;
}  // namespace clang

namespace anymetal::msl {

/// Clang allows a variable in an address space of its own only in static storage, so `static` is slipped in behind a
/// `threadgroup` that begins a statement. Pointers and references declared this way lose it again.
class ThreadgroupStatics {
 public:
  explicit ThreadgroupStatics(clang::CompilerInstance& instance) : instance_(instance) {}
  /// Sees every token after preprocessing, in order, before the parser does.
  void operator()(const clang::Token& token);

 private:
  void insert_static(const clang::Token& behind);
  void free_pointers();

  clang::CompilerInstance& instance_;
  bool begins_statement_ = false;  ///< the tokens since the last `;`, `{` or `}` may stand before a declaration; pragmas may
  unsigned alignment_depth_ = 0;   ///< parentheses open since `alignas`
  bool after_alignas_ = false;
  bool is_declaring_ = false;  ///< a statement that `static` was put into
  bool is_declared_ = false;   ///< its end was seen
};

}  // namespace anymetal::msl
