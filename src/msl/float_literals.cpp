#include "msl/float_literals.hpp"

#include <clang/Basic/CharInfo.h>
#include <clang/Lex/Preprocessor.h>
#include <llvm/ADT/SmallString.h>

#include <algorithm>

namespace anymetal::msl {
namespace {

/// Whether the spelling of a number is that of a floating literal without a suffix (`1.5f16`, which the pre-pass writes for `1.5h`, has one).
bool is_plain_float(llvm::StringRef spelling) {
  const bool is_hexadecimal = spelling.starts_with_insensitive("0x");
  const std::size_t marker = spelling.find_first_of(is_hexadecimal ? "pP" : ".eE");
  return marker != llvm::StringRef::npos && spelling.find_first_not_of("0123456789.eE+-'", is_hexadecimal ? marker + 1 : 0) == llvm::StringRef::npos;
}

}  // namespace

void FloatLiterals::operator()(const clang::Token& token) {
  if (token.isNot(clang::tok::numeric_constant) || token.getLength() < 2) return;
  llvm::SmallString<32> buffer;
  const llvm::StringRef spelling = preprocessor_.getSpelling(token, buffer);
  if (!is_plain_float(spelling)) return;
  auto* text = static_cast<char*>(preprocessor_.getPreprocessorAllocator().Allocate(spelling.size() + 2, 1));
  std::ranges::copy(spelling, text);
  text[spelling.size()] = 'f';
  text[spelling.size() + 1] = '\0';
  auto& written = const_cast<clang::Token&>(token);  // the parser's own, which Clang hands on before the parser looks
  written.setLiteralData(text);
  written.setLength(static_cast<unsigned>(spelling.size() + 1));
  written.clearFlag(clang::Token::NeedsCleaning);
}

}  // namespace anymetal::msl
