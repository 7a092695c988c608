#include "msl/array_parameters.hpp"

#include "msl/declaration_words.hpp"

namespace anymetal::msl {

std::optional<ArrayParameter> find_array_parameter(std::string_view text, std::span<const Token> tokens,
                                                   std::span<const std::size_t> partners, std::size_t qualifier) {
  const auto spelling = [&](std::size_t i) {
    return i < tokens.size() ? text.substr(tokens[i].begin, tokens[i].end - tokens[i].begin) : std::string_view();
  };
  constexpr std::size_t kMost = 64;  // tokens before the bracket
  std::size_t words = 0, depth = 0;
  std::size_t open = qualifier + 1;
  for (; open < tokens.size() && (spelling(open) != "[" || depth > 0); ++open) {
    if (open - qualifier > kMost) return std::nullopt;
    const std::string_view s = spelling(open);
    if (s == "<") ++depth;
    if (s == ">" && depth > 0) --depth;
    if (tokens[open].kind == TokenKind::Identifier && depth == 0)
      words += is_specifier(s) ? 0 : 1;
    else if (depth == 0 && s != ":" && s != ">" && tokens[open].kind != TokenKind::Number)
      return std::nullopt;
  }
  const bool opens_attributes = spelling(open) == "[" && spelling(open + 1) == "[";
  if (words == 0 || open >= tokens.size() || opens_attributes || partners[open] >= tokens.size()) return std::nullopt;
  ArrayParameter found;
  found.open = open;
  found.close = partners[open];
  const std::string_view next = spelling(found.close + 1);
  if (next != "," && next != ")" && next != "[") return std::nullopt;
  found.is_row = next == "[" && spelling(found.close + 2) != "[";
  // A type alone has one word, or ends with what can be no name.
  const std::string_view last = spelling(open - 1);
  const bool is_named =
      words > 1 && last != ">" && !is_specifier(last) && !is_type_word(last) && spelling(open - 2) != ":";
  if (is_named) found.name = open - 1;
  return found;
}

}  // namespace anymetal::msl
