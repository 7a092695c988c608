#include "msl/checks.hpp"

#include <clang/Basic/SourceManager.h>
#include <clang/Lex/Preprocessor.h>
#include <fmt/format.h>

#include <string_view>

namespace anymetal::msl {
namespace {

/// Why a keyword may not be used; empty for all others.
std::string_view refusal(clang::tok::TokenKind kind) {
  switch (kind) {
    case clang::tok::kw_double: return "'double' is not supported in Metal";
    case clang::tok::kw_goto: return "'goto' is not supported in Metal";
    case clang::tok::kw_virtual: return "'virtual' functions and bases are not supported in Metal";
    case clang::tok::kw_try:
    case clang::tok::kw_catch:
    case clang::tok::kw_throw: return "exceptions are not supported in Metal";
    case clang::tok::kw_new:
    case clang::tok::kw_delete: return "'new' and 'delete' are not supported in Metal";
    case clang::tok::kw_dynamic_cast:
    case clang::tok::kw_typeid: return "run-time type information is not supported in Metal";
    case clang::tok::kw_thread_local:
    case clang::tok::kw_register: return "this storage class is not supported in Metal";
    case clang::tok::kw_asm: return "inline assembly is not supported in Metal";
    default: return {};
  }
}

}  // namespace

void TokenCheck::operator()(const clang::Token& token) {
  const bool after_long = after_long_;
  const bool after_equal = after_equal_;
  after_long_ = token.is(clang::tok::kw_long);
  after_equal_ = token.is(clang::tok::equal);
  if (token.isNot(clang::tok::kw_long) && refusal(token.getKind()).empty()) return;
  const clang::SourceManager& sources = compilation_.instance().getSourceManager();
  if (sources.isInSystemHeader(token.getLocation())) return;
  if (token.is(clang::tok::kw_long)) {
    if (after_long) compilation_.report(clang::DiagnosticsEngine::Error, token.getLocation(), "'long long' is not supported in Metal");
  } else if (!(token.is(clang::tok::kw_delete) && after_equal)) {
    compilation_.report(clang::DiagnosticsEngine::Error, token.getLocation(), std::string(refusal(token.getKind())));
  }
}

}  // namespace anymetal::msl
