#include "msl/checks.hpp"

#include "msl/compile_guard.hpp"

#include <clang/Lex/Lexer.h>
#include <clang/Lex/Preprocessor.h>
#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace anymetal::msl {
namespace {

/// Why a keyword may not be used; empty for all others.
std::string_view refusal(clang::tok::TokenKind kind) {
  switch (kind) {
    case clang::tok::kw_double: return "'double' is not supported in Metal";
    case clang::tok::kw_goto: return "'goto' is not supported in Metal";
    case clang::tok::kw_virtual: return "'virtual' functions and bases are not supported in Metal";
    case clang::tok::kw_try:
    case clang::tok::kw_throw: return "exceptions are not supported in Metal";
    case clang::tok::kw_new:
    case clang::tok::kw_delete: return "'new' and 'delete' are not supported in Metal";
    case clang::tok::kw_dynamic_cast:
    case clang::tok::kw_typeid: return "run-time type information is not supported in Metal";
    case clang::tok::kw_thread_local:
    case clang::tok::kw_register:
    case clang::tok::kw___thread:
    case clang::tok::kw__Thread_local: return "this storage class is not supported in Metal";
    case clang::tok::kw_asm: return "inline assembly is not supported in Metal";
    case clang::tok::kw_co_await:
    case clang::tok::kw_co_return:
    case clang::tok::kw_co_yield: return "coroutines are not supported in Metal";
    case clang::tok::kw___builtin_va_arg: return "variadic functions are not supported in Metal";
    case clang::tok::kw__BitInt:
    case clang::tok::kw__ExtInt:
    case clang::tok::kw___int128:
    case clang::tok::kw___float128:
    case clang::tok::kw___ibm128:
    case clang::tok::kw__Complex:
    case clang::tok::kw__Imaginary:
    case clang::tok::kw__Atomic:
    case clang::tok::kw__Decimal32:
    case clang::tok::kw__Decimal64:
    case clang::tok::kw__Decimal128: return "this type does not exist in Metal";
    default: return {};
  }
}

/// Clang's own words, which the library's macros expand to.
bool is_space(clang::tok::TokenKind kind) {
  return kind == clang::tok::kw___global || kind == clang::tok::kw___local || kind == clang::tok::kw___private || kind == clang::tok::kw___generic;
}

/// Of `f() __asm("name")`, where `__asm` is the token.
std::string symbol_name(Compilation& compilation, const clang::Token& token) {
  if (token.getLocation().isMacroID()) return {};
  const clang::SourceManager& sources = compilation.instance().getSourceManager();
  const clang::LangOptions& language = compilation.instance().getLangOpts();
  const auto open = clang::Lexer::findNextToken(token.getLocation(), sources, language);
  if (!open || open->isNot(clang::tok::l_paren)) return {};
  const auto name = clang::Lexer::findNextToken(open->getLocation(), sources, language);
  if (!name || name->isNot(clang::tok::string_literal)) return {};
  return fmt::format(", nor are names of symbols such as {}", clang::Lexer::getSpelling(*name, sources, language));
}

/// A warning or error about the suffix of a number, for types that Metal does not have.
void check_suffix(Compilation& compilation, const clang::Token& token) {
  if (token.isNot(clang::tok::numeric_constant) || token.getLength() < 2 || token.getLiteralData() == nullptr) return;
  const std::string_view text(token.getLiteralData(), token.getLength());
  const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
  const bool is_gnus = text.find('_') == std::string_view::npos && text.find_first_of("iIjJqQwWkK") != std::string_view::npos;  // of complex and wide numbers
  if ((text.find_first_of("lL") == std::string_view::npos && !is_gnus) || !compilation.is_users(token.getLocation())) return;
  if (is_gnus) return compilation.report(clang::DiagnosticsEngine::Error, token.getLocation(), fmt::format("invalid suffix of '{}': suffixes are h, f and bf, or u, l and ul", text));
  const bool is_real = text.find_first_of(is_hex ? "pP" : ".eE") != std::string_view::npos;
  if (is_real)
    compilation.report(clang::DiagnosticsEngine::Error, token.getLocation(),
                       "'long double' is not supported in Metal: the literal is a float without its suffix");
  else if (text.contains("ll") || text.contains("LL"))
    compilation.report(clang::DiagnosticsEngine::Warning, token.getLocation(),
                       "'long long' is not supported in Metal: 'l' and 'ul' are the suffixes of literals of 64 bits");
}

}  // namespace

void TokenCheck::operator()(const clang::Token& token) {
  checkpoint();
  last_place_ = token.getLocation();
  if (limit_ != 0 && ++count_ > limit_) {
    leave_step(fmt::format("met more than {} tokens: the limit is CompileLimits::tokens (--limit tokens=N)", limit_));
  }
  check_suffix(compilation_, token);
  const bool after_long = after_long_;
  const bool after_equal = after_equal_;
  after_long_ = token.is(clang::tok::kw_long);
  after_equal_ = token.is(clang::tok::equal);
  const bool after_declarator = std::exchange(after_declarator_, token.isOneOf(clang::tok::r_paren, clang::tok::identifier));
  if (is_space(token.getKind()) && !compilation_.is_librarys(token.getLocation())) {
    compilation_.report(clang::DiagnosticsEngine::Error, token.getLocation(),
                        fmt::format("{} is no word of Metal: address spaces are device, constant, threadgroup and thread",
                                    clang::tok::getKeywordSpelling(token.getKind())));
  }
  if (token.isNot(clang::tok::kw_long) && refusal(token.getKind()).empty()) return;
  if (!compilation_.is_users(token.getLocation())) return;
  if (token.is(clang::tok::kw_long)) {
    if (after_long) compilation_.report(clang::DiagnosticsEngine::Error, token.getLocation(), "'long long' is not supported in Metal");
  } else if (token.is(clang::tok::kw_asm)) {
    compilation_.report(clang::DiagnosticsEngine::Error, token.getLocation(), std::string(refusal(token.getKind())) + (after_declarator ? symbol_name(compilation_, token) : ""));
  } else if (!(token.is(clang::tok::kw_delete) && after_equal)) {
    compilation_.report(clang::DiagnosticsEngine::Error, token.getLocation(), std::string(refusal(token.getKind())));
  }
}

}  // namespace anymetal::msl
