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

void ConditionalValues::operator()(const clang::Token& token) {
  namespace tok = clang::tok;
  clang::Preprocessor& preprocessor = instance_.getPreprocessor();
  if (token.isNot(tok::question) || preprocessor.getSourceManager().isInSystemHeader(token.getLocation())) return;
  if (!may_be_object(token.getLocation(), preprocessor)) return;
  static constexpr InsertedToken kTokens[] = {
      {tok::identifier, "__msl_value"}, {tok::l_paren}, {tok::r_paren}, {tok::comma}};
  insert_tokens(preprocessor, token.getLocation(), kTokens);
}

}  // namespace anymetal::msl
