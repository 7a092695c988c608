#include "msl/conditional_values.hpp"

#include <clang/Basic/TokenKinds.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Lex/Lexer.h>
#include <clang/Lex/Preprocessor.h>

#include "msl/token_insertion.hpp"

namespace anymetal::msl {

namespace {

/// Whether an operand of class type may follow: not in `a ?: b`, and a literal alone must stay one (`c ? 0 : pointer`).
bool may_be_object(clang::SourceLocation question, const clang::Preprocessor& preprocessor) {
  const clang::SourceManager& sources = preprocessor.getSourceManager();
  const clang::LangOptions& language = preprocessor.getLangOpts();
  const auto first = clang::Lexer::findNextToken(sources.getSpellingLoc(question), sources, language);
  if (!first) return true;
  if (first->is(clang::tok::colon)) return false;
  const bool is_null = first->is(clang::tok::raw_identifier) &&
                       (first->getRawIdentifier() == "NULL" || first->getRawIdentifier() == "nullptr");
  if (!clang::tok::isLiteral(first->getKind()) && !is_null) return true;
  const auto second = clang::Lexer::findNextToken(first->getLocation(), sources, language);
  return !second || second->isNot(clang::tok::colon);
}

}  // namespace

void ConditionalValues::follow_references(const clang::Token& token) {
  namespace tok = clang::tok;
  if (token.isOneOf(tok::semi, tok::l_brace, tok::r_brace)) {
    has_space_ = is_const_ = false;
    depth_ = 0;
    bound_.reset();
  } else if (token.isOneOf(tok::l_paren, tok::l_square)) {
    ++depth_;
    has_space_ = is_const_ = false;
  } else if (token.isOneOf(tok::r_paren, tok::r_square)) {
    --depth_;
    if (bound_ && depth_ < *bound_) bound_.reset();
  } else if (token.is(tok::comma)) {
    if (bound_ == depth_) bound_.reset();
    has_space_ = is_const_ = false;
  } else if (token.isOneOf(tok::kw___global, tok::kw___local, tok::kw___private)) {
    has_space_ = true;
  } else if (token.is(tok::kw_const)) {
    is_const_ = true;
  } else if (token.is(tok::equal) && last_ == tok::identifier && second_to_last_ == tok::amp && (has_space_ || !is_const_)) {
    bound_ = depth_;
  }
  second_to_last_ = last_;
  last_ = token.getKind();
}

void ConditionalValues::operator()(const clang::Token& token) {
  namespace tok = clang::tok;
  follow_references(token);
  clang::Preprocessor& preprocessor = instance_.getPreprocessor();
  if (token.isNot(tok::question) || preprocessor.getSourceManager().isInSystemHeader(token.getLocation())) return;
  if (bound_ == depth_ || !may_be_object(token.getLocation(), preprocessor)) return;
  static constexpr InsertedToken kTokens[] = {
      {tok::identifier, "__msl_value"}, {tok::l_paren}, {tok::r_paren}, {tok::comma}};
  insert_tokens(preprocessor, token.getLocation(), kTokens);
}

}  // namespace anymetal::msl
