#pragma once
/// \file
/// A small tokenizer for MSL text before preprocessing.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace anymetal::msl {

enum class TokenKind : std::uint8_t { Identifier, Number, String, Character, Punctuator };

/// One preprocessing token; positions are byte offsets into the text. Punctuators are single characters.
struct Token {
  TokenKind kind = TokenKind::Punctuator;
  std::size_t begin = 0;
  std::size_t end = 0;
  unsigned directive = 0;  ///< 0 outside directives, else a number shared by the tokens of one directive
};

/// What editors may put before the first character of a file.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Splits text into tokens, but for a byte order mark at its beginning. Comments, line splices and white space separate them. Never fails: whatever is
/// unterminated ends with its line or the text, and the compiler proper complains.
std::vector<Token> tokenize(std::string_view text);

}  // namespace anymetal::msl
