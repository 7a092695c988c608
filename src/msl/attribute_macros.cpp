#include "msl/attribute_macros.hpp"

#include <algorithm>

#include "msl/declaration_words.hpp"

namespace anymetal::msl {

std::size_t find_attribute_macro(std::string_view text, std::span<const Token> tokens, std::size_t qualifier) {
  const auto spelling = [&](std::size_t i) { return text.substr(tokens[i].begin, tokens[i].end - tokens[i].begin); };
  constexpr std::size_t kMost = 64;  // tokens behind the qualifier
  tokens = tokens.first(std::min(tokens.size(), qualifier + kMost));
  std::size_t macro = 0, words = 0;
  for (std::size_t i = qualifier + 1; i < tokens.size() && spelling(i) != ";"; ++i) {
    const std::string_view s = spelling(i);
    if (s == "(") {  // arguments of the last word, and nothing behind them
      int open = 1;
      for (++i; i < tokens.size() && open > 0; ++i) open += spelling(i) == "(" ? 1 : spelling(i) == ")" ? -1 : 0;
      if (open > 0 || (i < tokens.size() && spelling(i) != ";")) return 0;
      break;
    }
    const bool is_word = tokens[i].kind == TokenKind::Identifier;
    if (!is_word && tokens[i].kind != TokenKind::Number && s != ":" && s != "<" && s != ">" && s != ",") return 0;
    if (is_word && !is_specifier(s)) ++words;
    macro = is_word ? i : 0;
  }
  constexpr std::size_t kFewest = 3;  // the type, the variable and the macro
  if (macro == 0 || words < kFewest) return 0;
  const std::string_view name = spelling(macro - 1);
  const bool is_name = tokens[macro - 1].kind == TokenKind::Identifier && !is_specifier(name) && !is_type_word(name) &&
                       spelling(macro - 2) != ":";
  return is_name && !is_specifier(spelling(macro)) && !is_type_word(spelling(macro)) ? macro : 0;
}

}  // namespace anymetal::msl
