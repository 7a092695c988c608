#include "msl/aggregate_rules.hpp"

#include "msl/library_macros.hpp"

#include <clang/AST/DeclCXX.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Lex/Lexer.h>
#include <clang/Lex/Token.h>
#include <clang/Sema/Sema.h>

namespace anymetal::msl {
namespace {

/// Whether `default` or `delete` stands behind the token.
bool is_default_next(const clang::CompilerInstance& instance, const clang::Token& equal) {
  const clang::SourceManager& sources = instance.getSourceManager();
  const auto next = clang::Lexer::findNextToken(sources.getSpellingLoc(equal.getLocation()), sources, instance.getLangOpts());
  return next && next->is(clang::tok::raw_identifier) && (next->getRawIdentifier() == "default" || next->getRawIdentifier() == "delete");
}

}  // namespace

void AggregateRules::operator()(const clang::Token& token) {
  if (after_default_) {
    in_default_ = after_default_ = false;
    instance_.getLangOpts().CPlusPlus20 = true;
  }
  if (in_default_) {
    after_default_ = token.is(clang::tok::semi);
  } else if (token.is(clang::tok::equal)) {
    const auto* record = llvm::dyn_cast_or_null<clang::CXXRecordDecl>(instance_.getSema().CurContext);
    in_default_ = record != nullptr && record->isBeingDefined() && instance_.getLangOpts().CPlusPlus20 && is_default_next(instance_, token);
    if (in_default_) instance_.getLangOpts().CPlusPlus20 = false;
  }
}

void AggregateRules::begin(const clang::Decl* instance) {
  clang::LangOptions& language = instance_.getLangOpts();
  outer_.push_back(language.CPlusPlus20);
  if (llvm::isa_and_nonnull<clang::FunctionDecl>(instance)) language.CPlusPlus20 = true;
  if (!llvm::isa_and_nonnull<clang::CXXRecordDecl>(instance)) return;
  language.CPlusPlus20 = is_library_text(instance_.getSourceManager(), instance_.getSourceManager().getFileLoc(instance->getLocation()));
}

void AggregateRules::end() {
  if (outer_.empty()) return;
  instance_.getLangOpts().CPlusPlus20 = outer_.back();
  outer_.pop_back();
}

}  // namespace anymetal::msl
