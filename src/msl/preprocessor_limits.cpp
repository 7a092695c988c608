#include "msl/preprocessor_limits.hpp"

#include "msl/compile_guard.hpp"

#include <clang/Lex/MacroArgs.h>
#include <clang/Lex/MacroInfo.h>
#include <clang/Lex/Preprocessor.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace anymetal::msl {
namespace {

/// How often a macro's body repeats the argument it repeats most.
std::uint64_t repetition(const clang::MacroInfo& macro) {
  std::uint64_t most = 1;
  for (const clang::IdentifierInfo* parameter : macro.params()) {
    const auto uses = std::ranges::count_if(macro.tokens(), [&](const clang::Token& t) { return t.getIdentifierInfo() == parameter; });
    most = std::max<std::uint64_t>(most, static_cast<std::uint64_t>(uses));
  }
  return most;
}

}  // namespace

void PreprocessorLimits::MacroExpands(const clang::Token&, const clang::MacroDefinition& definition, clang::SourceRange,
                                      const clang::MacroArgs* arguments) {
  checkpoint();
  if (limit_ == 0) return;
  if (++expansions_ > limit_) refuse();
  const clang::MacroInfo* macro = definition.getMacroInfo();
  if (arguments == nullptr || macro == nullptr) return;
  std::uint64_t size = 0;
  for (unsigned i = 0; i < arguments->getNumMacroArguments(); ++i) size += expanded_size(arguments->getUnexpArgument(i));
  if (size * repetition(*macro) > limit_) refuse();
}

/// An upper bound of what an argument expands to: a token within calls of macros counts as often as they repeat it.
std::uint64_t PreprocessorLimits::expanded_size(const clang::Token* tokens) {
  std::vector<std::uint64_t> factors{1};  // one an open parenthesis
  std::uint64_t size = 0;
  std::uint64_t next_factor = 1;
  for (; tokens->isNot(clang::tok::eof) && size <= limit_; ++tokens) {
    if (tokens->is(clang::tok::l_paren)) {
      factors.push_back(std::min(factors.back() * next_factor, limit_ + 1));
      next_factor = 1;
    } else if (tokens->is(clang::tok::r_paren)) {
      if (factors.size() > 1) factors.pop_back();
    } else {
      next_factor = 1;
      const clang::IdentifierInfo* identifier = tokens->getIdentifierInfo();
      const clang::MacroInfo* macro = identifier == nullptr ? nullptr : preprocessor_.getMacroInfo(identifier);
      if (macro != nullptr) {
        size += factors.back() * body_size(*macro);
        if (macro->isFunctionLike()) next_factor = repetition(*macro);
      }
    }
    size += factors.back();
  }
  return size;
}

std::uint64_t PreprocessorLimits::body_size(const clang::MacroInfo& macro) {
  // A macro within itself is not expanded again: while its size is being found it counts for nothing.
  const auto [known, is_new] = body_sizes_.try_emplace(&macro, 0);
  if (!is_new) return known->second;
  std::uint64_t size = macro.getNumTokens();
  for (const clang::Token& t : macro.tokens()) {
    const clang::IdentifierInfo* identifier = t.getIdentifierInfo();
    const clang::MacroInfo* inner = identifier == nullptr ? nullptr : preprocessor_.getMacroInfo(identifier);
    if (inner != nullptr) size = std::min(size + body_size(*inner), limit_ + 1);
  }
  body_sizes_[&macro] = size;
  return size;
}

void PreprocessorLimits::refuse() const {
  leave_step(fmt::format("met macros that expand to more than {} tokens: the limit is CompileLimits::tokens (--limit tokens=N)", limit_));
}

}  // namespace anymetal::msl
