#include "msl/library_macros.hpp"

#include "msl/clang_invocation.hpp"

#include <clang/Basic/SourceManager.h>
#include <clang/Lex/MacroInfo.h>
#include <clang/Lex/Pragma.h>
#include <clang/Lex/Preprocessor.h>

#include <array>
#include <memory>
#include <string_view>

namespace anymetal::msl {
namespace {

/// The library's own macros, some defined after those that use them, and what the preprocessor itself gives a meaning.
bool is_library_name(const clang::IdentifierInfo& word) {
  const llvm::StringRef name = word.getName();
  return word.hasMacroDefinition() || name.starts_with("__MSL") || name.starts_with("__msl") || name == "__VA_OPT__" || name == "_Pragma";
}

bool is_library_directive(const clang::SourceManager& files, const clang::MacroDirective& directive) {
  const clang::SourceLocation place = directive.getLocation();
  return directive.isFromPCH() || place.isInvalid() || files.isWrittenInBuiltinFile(place) || is_library_text(files, place);
}

/// `#pragma __msl_keyword NAME`.
class KeywordPragma : public clang::PragmaHandler {
 public:
  explicit KeywordPragma(LibraryMacros& macros) : PragmaHandler("__msl_keyword"), macros_(macros) {}
  void HandlePragma(clang::Preprocessor& preprocessor, clang::PragmaIntroducer introducer, clang::Token& token) override {
    preprocessor.LexUnexpandedToken(token);
    if (clang::IdentifierInfo* name = token.getIdentifierInfo()) macros_.restore_keyword(*name, introducer.Loc);
  }

 private:
  LibraryMacros& macros_;
};

}  // namespace

bool is_library_text(const clang::SourceManager& sources, clang::SourceLocation place) {
  const auto file = sources.getFileEntryRefForID(sources.getFileID(place));
  return file && std::string_view(file->getName()).starts_with(kHeaderRoot);
}

void register_reserved_words(clang::Preprocessor& preprocessor) {
  static constexpr std::array<std::pair<const char*, clang::tok::TokenKind>, 8> kWords = {
      {{"__msl_attribute", clang::tok::kw___attribute},
       {"__msl_const", clang::tok::kw_const},
       {"__msl_extern", clang::tok::kw_extern},
       {"__msl_sizeof", clang::tok::kw_sizeof},
       {"__global", clang::tok::kw___global},
       {"__local", clang::tok::kw___local},
       {"__private", clang::tok::kw___private},
       {"__generic", clang::tok::kw___generic}}};
  for (const auto& [name, keyword] : kWords) preprocessor.getIdentifierTable().get(name, keyword);
}

LibraryMacros& LibraryMacros::install(clang::Preprocessor& preprocessor) {
  auto macros = std::make_unique<LibraryMacros>(preprocessor);
  LibraryMacros& installed = *macros;
  preprocessor.addPPCallbacks(std::move(macros));
  preprocessor.AddPragmaHandler(new KeywordPragma(installed));  // which the preprocessor owns
  return installed;
}

LibraryMacros::LibraryMacros(clang::Preprocessor& preprocessor) : preprocessor_(preprocessor), files_(preprocessor.getSourceManager()) {}

void LibraryMacros::MacroDefined(const clang::Token&, const clang::MacroDirective* directive) {
  if (!is_library_text(files_, directive->getLocation())) return;
  const clang::MacroInfo& macro = *directive->getMacroInfo();
  for (const clang::Token& token : macro.tokens()) {
    const clang::IdentifierInfo* word = token.getIdentifierInfo();
    const bool may_expand = word == nullptr || macro.getParameterNum(word) >= 0 || is_library_name(*word);
    if (!may_expand) const_cast<clang::Token&>(token).setFlag(clang::Token::DisableExpand);
  }
}

void LibraryMacros::FileChanged(clang::SourceLocation place, FileChangeReason reason, clang::SrcMgr::CharacteristicKind, clang::FileID) {
  if (reason != EnterFile && reason != ExitFile) return;
  const bool was_in_library = std::exchange(in_library_, is_library_text(files_, place));
  if (in_library_ == was_in_library) return;
  if (!in_library_) return restore(place, in_header_);
  std::vector<clang::IdentifierInfo*> names;
  for (const auto& [name, state] : preprocessor_.macros(false)) {
    if (is_users(*name)) names.push_back(const_cast<clang::IdentifierInfo*>(name));
  }
  for (clang::IdentifierInfo* name : names) hide(*name, place, in_header_);
}

void LibraryMacros::PragmaDirective(clang::SourceLocation place, clang::PragmaIntroducerKind) {
  pragma_ = place;
  for (const char* word : {"contract", "fast", "off", "on", "precise", "reassociate", "reciprocal"}) {
    clang::IdentifierInfo* name = preprocessor_.getIdentifierInfo(word);
    if (name->hadMacroDefinition() && is_users(*name)) hide(*name, place, in_pragma_);
  }
}

void LibraryMacros::token() {
  if (!in_pragma_.empty()) restore(pragma_, in_pragma_);
}

bool LibraryMacros::is_users(const clang::IdentifierInfo& name) const {
  const clang::MacroDirective* latest = preprocessor_.getLocalMacroDirectiveHistory(&name);
  return latest != nullptr && !is_library_directive(files_, *latest);
}

void LibraryMacros::hide(clang::IdentifierInfo& name, clang::SourceLocation place, Hidden& hidden) {
  hidden.emplace_back(&name, preprocessor_.getMacroInfo(&name));
  define(&name, librarys(name), place);
}

void LibraryMacros::restore_keyword(clang::IdentifierInfo& name, clang::SourceLocation place) { define(&name, librarys(name), place); }

clang::MacroInfo* LibraryMacros::librarys(const clang::IdentifierInfo& name) const {
  clang::MacroDirective* older = preprocessor_.getLocalMacroDirectiveHistory(&name);
  while (older != nullptr && !is_library_directive(files_, *older)) older = older->getPrevious();
  return older == nullptr || !older->isDefined() ? nullptr : older->getMacroInfo();
}

void LibraryMacros::restore(clang::SourceLocation place, Hidden& hidden) {
  for (const auto& [name, macro] : hidden) define(name, macro, place);
  hidden.clear();
}

void LibraryMacros::define(clang::IdentifierInfo* name, clang::MacroInfo* macro, clang::SourceLocation place) {
  if (preprocessor_.getMacroInfo(name) == macro) return;
  if (macro != nullptr) preprocessor_.appendDefMacroDirective(name, macro, place);
  else preprocessor_.appendMacroDirective(name, new (preprocessor_.getPreprocessorAllocator()) clang::UndefMacroDirective(place));
}

}  // namespace anymetal::msl
