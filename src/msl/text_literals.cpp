#include "msl/text_literals.hpp"

#include "msl/library_macros.hpp"
#include "msl/token_insertion.hpp"

#include <clang/Frontend/CompilerInstance.h>
#include <clang/Lex/Lexer.h>
#include <clang/Lex/Preprocessor.h>

namespace anymetal::msl {
namespace {

namespace tok = clang::tok;

bool is_text(const clang::Token& token) { return token.isOneOf(tok::string_literal, tok::kw___func__, tok::kw___FUNCTION__, tok::kw___PRETTY_FUNCTION__); }

/// What is written behind the token at a place: in the same macro, or behind the call of the one it ends. Not by the preprocessor:
/// the parser may be reading on itself.
tok::TokenKind next_written(const clang::Preprocessor& preprocessor, clang::SourceLocation place) {
  const clang::SourceManager& sources = preprocessor.getSourceManager();
  const clang::LangOptions& language = preprocessor.getLangOpts();
  while (place.isMacroID()) {
    const bool is_made = sources.isWrittenInScratchSpace(sources.getSpellingLoc(place));  // `__FILE__`, `#x`
    if (!is_made && sources.isMacroArgExpansion(place)) {
      place = sources.getImmediateSpellingLoc(place);
    } else if (is_made || clang::Lexer::isAtEndOfMacroExpansion(place, sources, language)) {
      place = sources.getImmediateExpansionRange(place).getEnd();
    } else {
      place = sources.getSpellingLoc(place);
    }
  }
  const auto next = clang::Lexer::findNextToken(place, sources, language);
  return next ? next->getKind() : tok::eof;
}

}  // namespace

void TextLiterals::operator()(const clang::Token& token) {
  const clang::SourceManager& sources = instance_.getSourceManager();
  const bool may_be_value = is_text(token) && may_follow_ && !is_library_text(sources, sources.getSpellingLoc(token.getLocation()));
  may_follow_ = may_precede(token);
  follow(token);
  if (!may_be_value) return;
  const tok::TokenKind next = next_written(instance_.getPreprocessor(), token.getLocation());
  may_follow_ = next != tok::comma && next != tok::r_paren && next != tok::r_brace && next != tok::semi;  // "a" "b" is one literal
  if (may_follow_) return;
  static constexpr InsertedToken kMove[] = {{tok::plus}, {tok::identifier, "__msl_in_constant"}};
  insert_tokens(instance_.getPreprocessor(), token.getLocation(), kMove);
}

bool TextLiterals::may_precede(const clang::Token& token) const {
  if (!speaks_of_text_ || in_attribute_list_ || (!open_.empty() && open_.back().is_attribute)) return false;
  if (token.is(tok::l_paren)) return after_callee_ && !is_attribute_next_;
  if (token.is(tok::l_brace)) return holds_pointers();
  if (token.is(tok::comma)) return !open_.empty() && open_.back().takes_text;
  return token.is(tok::kw_return) || (token.is(tok::equal) && !after_bounds_);
}

/// Of the braces that open now: whether literals in them are pointers, not the characters of an array.
bool TextLiterals::holds_pointers() const { return !declares_characters_; }

void TextLiterals::follow(const clang::Token& token) {
  const bool in_attribute = !open_.empty() && open_.back().is_attribute;
  if (token.is(tok::l_paren)) {
    open_.push_back({after_callee_, is_attribute_next_ || in_attribute});
  } else if (token.is(tok::l_brace)) {
    open_.push_back({holds_pointers(), in_attribute});
  } else if (token.isOneOf(tok::r_paren, tok::r_brace) && !open_.empty()) {
    open_.pop_back();
  }
  if (token.isOneOf(tok::semi, tok::r_brace) || (token.is(tok::l_brace) && after_callee_ && !after_bounds_)) declares_characters_ = false;
  if (token.is(tok::l_square) && after_square_) in_attribute_list_ = true;
  if (token.is(tok::r_square) && after_bounds_) in_attribute_list_ = false;
  is_attribute_next_ = token.is(tok::kw___attribute);
  after_callee_ = token.isOneOf(tok::identifier, tok::greater, tok::r_square, tok::r_paren);
  after_square_ = token.is(tok::l_square);
  after_bounds_ = token.is(tok::r_square);
  if (token.is(tok::kw_char)) declares_characters_ = true;
  if (token.is(tok::star) && declares_characters_) declares_characters_ = false;
  if (token.is(tok::kw_char)) constant_char_ |= 2;
  else if (token.is(tok::kw___private)) constant_char_ |= 1;
  else if (token.isNot(tok::kw_const)) constant_char_ = 0;
  speaks_of_text_ = speaks_of_text_ || constant_char_ == 3;
}

}  // namespace anymetal::msl
