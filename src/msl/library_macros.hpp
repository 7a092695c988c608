#pragma once
/// \file
/// The user's macros and the library's text keep apart.

#include <clang/Lex/PPCallbacks.h>

#include <utility>
#include <vector>

namespace clang {
class IdentifierInfo;
class MacroInfo;
class Preprocessor;
class SourceManager;
class Token;
}  // namespace clang

namespace anymetal::msl {

/// Whether a place is in a file of the library's headers.
bool is_library_text(const clang::SourceManager& sources, clang::SourceLocation place);

/// Clang's keywords under the names that the pre-pass writes, so that no macro of the user's has one of them, and Clang's keywords for
/// address spaces, `__global` and others, which only the library's macros may spell (token_check.cpp).
void register_reserved_words(clang::Preprocessor& preprocessor);

/// A macro of the user's may have any name that the library uses (`#define T float`, `#define annotate(x)`), before the library's
/// headers are included or after. Where a macro of the library is expanded, words of its body that are no macros of the library's
/// stand for themselves; while a header of the library is read that is not precompiled, the user's macros are away and those of the
/// library that the user has defined anew are back; words of the pragmas that the pre-pass writes are no macros there.
class LibraryMacros : public clang::PPCallbacks {
 public:
  /// Belongs to the preprocessor from then on.
  static LibraryMacros& install(clang::Preprocessor& preprocessor);
  explicit LibraryMacros(clang::Preprocessor& preprocessor);

  void MacroDefined(const clang::Token& name, const clang::MacroDirective* directive) override;
  void FileChanged(clang::SourceLocation place, FileChangeReason reason, clang::SrcMgr::CharacteristicKind kind, clang::FileID previous) override;
  void PragmaDirective(clang::SourceLocation place, clang::PragmaIntroducerKind introducer) override;
  /// Undoes what the user made of a name.
  void restore_keyword(clang::IdentifierInfo& name, clang::SourceLocation place);
  /// Is told of every token after preprocessing: what a pragma has hidden comes back.
  void token();

 private:
  using Hidden = std::vector<std::pair<clang::IdentifierInfo*, clang::MacroInfo*>>;  ///< and what the user made of each; nullptr: undefined

  [[nodiscard]] bool is_users(const clang::IdentifierInfo& name) const;
  /// What the library made of a name; nullptr: no macro.
  [[nodiscard]] clang::MacroInfo* librarys(const clang::IdentifierInfo& name) const;
  void hide(clang::IdentifierInfo& name, clang::SourceLocation place, Hidden& hidden);
  void restore(clang::SourceLocation place, Hidden& hidden);
  void define(clang::IdentifierInfo* name, clang::MacroInfo* macro, clang::SourceLocation place);

  clang::Preprocessor& preprocessor_;
  const clang::SourceManager& files_;
  bool in_library_ = false;
  Hidden in_header_;
  Hidden in_pragma_;
  clang::SourceLocation pragma_;
};

}  // namespace anymetal::msl
