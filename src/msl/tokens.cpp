#include "msl/tokens.hpp"

#include <string>

namespace anymetal::msl {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || (static_cast<unsigned char>(c) & 0x80U) != 0; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '\0'; }

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : text_(text), at_(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) step();
    return std::move(tokens_);
  }

 private:
  [[nodiscard]] char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  /// Length of a backslash-newline at the cursor, or 0.
  [[nodiscard]] std::size_t splice() const {
    if (peek() != '\\') return 0;
    if (peek(1) == '\n') return 2;
    return peek(1) == '\r' && peek(2) == '\n' ? 3 : 0;
  }

  void step() {
    const char c = peek();
    if (c == '\n') {
      ++at_;
      line_is_empty_ = true;
      directive_ = 0;
    } else if (is_space(c)) {
      ++at_;
    } else if (const std::size_t skip = splice()) {
      at_ += skip;
    } else if (c == '/' && peek(1) == '/') {
      skip_line_comment();
    } else if (c == '/' && peek(1) == '*') {
      const std::size_t close = text_.find("*/", at_ + 2);
      at_ = close == std::string_view::npos ? text_.size() : close + 2;
    } else {
      if (c == '#' && line_is_empty_) directive_ = ++directives_;
      line_is_empty_ = false;
      token(c);
    }
  }

  void skip_line_comment() {
    while (at_ < text_.size() && text_[at_] != '\n') {
      const std::size_t skip = splice();
      at_ += skip != 0 ? skip : 1;
    }
  }

  void token(char c) {
    const std::size_t begin = at_;
    TokenKind kind = TokenKind::Punctuator;
    if (is_letter(c)) {
      kind = TokenKind::Identifier;
      while (is_letter(peek()) || is_digit(peek())) ++at_;
      if (peek() == '"' && text_[at_ - 1] == 'R') {
        kind = TokenKind::String;
        raw_string();
      }
    } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      kind = TokenKind::Number;
      number();
    } else if (c == '"' || c == '\'') {
      kind = c == '"' ? TokenKind::String : TokenKind::Character;
      quoted(c);
    } else {
      ++at_;
    }
    tokens_.push_back({kind, begin, at_, directive_});
  }

  void number() {
    while (at_ < text_.size()) {
      const char c = peek();
      if ((c == '+' || c == '-') && is_exponent(text_[at_ - 1])) ++at_;
      else if (is_letter(c) || is_digit(c) || c == '.' || (c == '\'' && is_letter_or_digit(peek(1)))) ++at_;
      else return;
    }
  }
  static bool is_exponent(char c) { return c == 'e' || c == 'E' || c == 'p' || c == 'P'; }
  static bool is_letter_or_digit(char c) { return is_letter(c) || is_digit(c); }

  void quoted(char quote) {
    ++at_;
    while (at_ < text_.size() && peek() != quote && peek() != '\n') {
      const std::size_t skip = splice();
      at_ += skip != 0 ? skip : peek() == '\\' && at_ + 1 < text_.size() && peek(1) != '\n' ? 2 : 1;
    }
    if (peek() == quote) ++at_;
  }

  void raw_string() {
    constexpr std::size_t kLongestDelimiter = 16;
    const std::size_t distance = text_.substr(at_, kLongestDelimiter + 2).find('(');
    if (distance == std::string_view::npos) return quoted('"');
    const std::size_t open = at_ + distance;
    const std::string close = ')' + std::string(text_.substr(at_ + 1, open - at_ - 1)) + '"';
    const std::size_t end = text_.find(close, open);
    at_ = end == std::string_view::npos ? text_.size() : end + close.size();
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  bool line_is_empty_ = true;
  unsigned directive_ = 0;
  unsigned directives_ = 0;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text) { return Tokenizer(text).run(); }

}  // namespace anymetal::msl
