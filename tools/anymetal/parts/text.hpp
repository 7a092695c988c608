#pragma once
/// \file
/// Strict parsing of numbers and separated lists: the whole text or nothing.

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

namespace anymetal::cli {

/// The whole of `text` as a number. Integers take decimal and 0x hexadecimal; floats also inf and nan.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  const char* first = text.data();
  const char* last = first + text.size();
  T value{};
  std::from_chars_result result{};
  if constexpr (std::integral<T>) {
    const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    result = std::from_chars(hexadecimal ? first + 2 : first, last, value, hexadecimal ? 16 : 10);
  } else {
    result = std::from_chars(first, last, value);
  }
  if (result.ec != std::errc{} || result.ptr != last) return std::nullopt;
  return value;
}

/// `text` cut at every `separator`; one empty part for an empty text.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

}  // namespace anymetal::cli
