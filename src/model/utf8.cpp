#include "model/utf8.hpp"

namespace anymetal::model {

namespace {

struct Lead {
  std::size_t length;        ///< bytes of the whole character; 0: no character begins so
  unsigned char second_low;  ///< the second byte's range; later ones are 80..BF
  unsigned char second_high;
};

Lead lead(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Character first_character(std::string_view text) {
  if (text.empty()) return {Utf8State::Incomplete, 0};
  const Lead rule = lead(static_cast<unsigned char>(text[0]));
  if (rule.length == 0) return {Utf8State::Malformed, 1};
  for (std::size_t i = 1; i < rule.length; ++i) {
    if (i == text.size()) return {Utf8State::Incomplete, i};
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool fits = i == 1 ? byte >= rule.second_low && byte <= rule.second_high : byte >= 0x80 && byte <= 0xBF;
    if (!fits) return {Utf8State::Malformed, i};
  }
  return {Utf8State::Whole, rule.length};
}

std::size_t well_formed_length(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto character = first_character(text.substr(at));
    if (character.state != Utf8State::Whole) break;
    at += character.length;
  }
  return at;
}

}  // namespace anymetal::model
