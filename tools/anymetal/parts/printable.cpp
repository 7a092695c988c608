#include "parts/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace anymetal::cli {

namespace {

constexpr std::size_t kLongestLine = 200;
constexpr std::size_t kBeforeColumn = 120;

constexpr unsigned char byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }
constexpr bool continues(unsigned char byte) { return (byte & 0xc0U) == 0x80U; }

/// Bytes of the character at the front of `text` where it is one to print, else 0.
std::size_t printable_length(std::string_view text) {
  const unsigned first = byte_at(text, 0);
  if (first < 0x80) return (first >= 0x20 && first != 0x7f) || first == '\n' || first == '\t' ? 1 : 0;
  const std::size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (!continues(byte_at(text, i))) return 0;
  }
  const unsigned second = byte_at(text, 1);
  const bool is_control = first == 0xc2 && second < 0xa0;  // C1
  const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool is_no_character = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return is_control || is_overlong || is_no_character ? 0 : length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = printable_length(text);
    if (length == 0) {
      shown += fmt::format("<{:02X}>", byte_at(text, 0));
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return shown;
}

SourceExcerpt source_excerpt(std::string_view line, unsigned column) {
  const std::size_t position = std::min<std::size_t>(column > 0 ? column - 1 : 0, line.size());
  std::size_t begin = 0;
  std::size_t end = line.size();
  if (line.size() > kLongestLine) {
    begin = position > kBeforeColumn ? position - kBeforeColumn : 0;
    end = std::min(begin + kLongestLine, line.size());
    while (begin < position && continues(byte_at(line, begin))) ++begin;
    while (end < line.size() && continues(byte_at(line, end))) ++end;
  }
  const std::string_view before_cut = begin > 0 ? "..." : "";
  const std::string before = std::string(before_cut) + printable(line.substr(begin, position - begin));
  SourceExcerpt excerpt{before + printable(line.substr(position, end - position)), {}};
  if (end < line.size()) excerpt.line += "...";
  for (const char c : before) {
    if (c == '\t')
      excerpt.indent += '\t';
    else if (!continues(static_cast<unsigned char>(c)))
      excerpt.indent += ' ';
  }
  return excerpt;
}

}  // namespace anymetal::cli
