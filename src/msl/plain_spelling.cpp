#include "msl/plain_spelling.hpp"

#include "msl/tokens.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace anymetal::msl {
namespace {

struct Digraph {
  std::string_view written;
  char meant;
};

constexpr std::array kDigraphs = {Digraph{"<:", '['}, Digraph{":>", ']'}, Digraph{"<%", '{'}, Digraph{"%>", '}'},
                                  Digraph{"%:", '#'}};

bool is_word(const Token& t) { return t.kind == TokenKind::Identifier || t.kind == TokenKind::Number; }

/// Whether text has what is undone here, or looks like it: nearly none does.
bool may_differ(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    const char before = text[i - 1];
    if (c == '\n' && (before == '\\' || (before == '\r' && i > 1 && text[i - 2] == '\\'))) return true;
    if (c != ':' && c != '%' && c != '>') continue;
    if (std::ranges::find(kDigraphs, text.substr(i - 1, 2), &Digraph::written) != kDigraphs.end()) return true;
  }
  return false;
}

class Speller {
 public:
  explicit Speller(std::string_view text) : text_(text), tokens_(tokenize(text)) {}

  std::optional<std::string> run() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (is_word(tokens_[i])) i = word(i);
      else if (tokens_[i].kind == TokenKind::Punctuator) i = punctuator(i);
    }
    if (!changed_) return std::nullopt;
    result_ += text_.substr(copied_);
    return std::move(result_);
  }

 private:
  [[nodiscard]] char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  void replace(std::size_t begin, std::size_t end, std::string_view with) {
    result_ += text_.substr(copied_, begin - copied_);
    result_ += with;
    copied_ = end;
    changed_ = true;
  }

  /// Whether nothing but a backslash and a line's end stands between the tokens `i` and `i + 1`.
  [[nodiscard]] bool is_cut(std::size_t i) const {
    const std::size_t end = tokens_[i].end;
    const std::string_view between = text_.substr(end, tokens_[i + 1].begin - end);
    return between == "\\\n" || between == "\\\r\n";
  }

  /// Makes the word that begins with the token `i` whole; returns the last token of it.
  std::size_t word(std::size_t i) {
    std::size_t last = i;
    while (last + 1 < tokens_.size() && is_word(tokens_[last + 1]) && is_cut(last)) ++last;
    if (last == i) return i;
    std::string rest;
    std::string lines;
    for (std::size_t k = i + 1; k <= last; ++k) {
      const Token& piece = tokens_[k];
      rest += text_.substr(piece.begin, piece.end - piece.begin);
      lines += text_.substr(tokens_[k - 1].end, piece.begin - tokens_[k - 1].end);
      lines += std::string(piece.end - piece.begin, ' ');
    }
    replace(tokens_[i].end, tokens_[last].end, rest + lines);
    return last;
  }

  /// The longest punctuator that has one of a digraph's characters is taken first, as the language's lexer does.
  std::size_t punctuator(std::size_t i) {
    const std::size_t begin = tokens_[i].begin;
    const std::string_view pair = text_.substr(begin, 2);
    if (pair == "::" || pair == "<<") return i + 1;
    const auto* digraph = std::ranges::find(kDigraphs, pair, &Digraph::written);
    if (digraph == kDigraphs.end()) return i;
    // `%:%:` is `##`; `<::name` begins a list of template arguments, `<:::` and `<::>` hold a bracket.
    const char third = at(begin + 2);
    const char fourth = at(begin + 3);
    if (pair == "%:" && third == '%' && fourth == ':') {
      replace(begin, begin + 4, "##  ");
      return i + 3;
    }
    if (pair == "<:" && third == ':' && fourth != ':' && fourth != '>') return i + 2;
    replace(begin, begin + 2, std::string{digraph->meant, ' '});
    return i + 1;
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  std::string result_;
  std::size_t copied_ = 0;
  bool changed_ = false;
};

}  // namespace

std::optional<std::string> plain_spelling(std::string_view text) {
  if (!may_differ(text)) return std::nullopt;
  return Speller(text).run();
}

}  // namespace anymetal::msl
