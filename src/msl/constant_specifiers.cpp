#include "msl/constant_specifiers.hpp"

#include <clang/Basic/IdentifierTable.h>
#include <clang/Basic/TokenKinds.h>
#include <clang/Lex/Token.h>

namespace anymetal::msl {

void ConstantSpecifiers::operator()(const clang::Token& token) {
  if (token.is(clang::tok::kw_extern) && token.getIdentifierInfo()->isStr("__msl_extern")) {
    is_external_ = true;
  } else if (token.isOneOf(clang::tok::kw___attribute, clang::tok::kw_template, clang::tok::equal, clang::tok::l_paren, clang::tok::l_brace,
                           clang::tok::semi)) {
    is_external_ = false;
  } else if (is_external_ &&
             token.isOneOf(clang::tok::kw_static, clang::tok::kw_constexpr, clang::tok::kw_inline, clang::tok::kw_extern)) {
    const_cast<clang::Token&>(token).setKind(clang::tok::kw_const);  // the parser's own, which Clang hands on before the parser looks
  }
}

}  // namespace anymetal::msl
