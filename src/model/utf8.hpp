#pragma once
/// \file
/// Well-formed UTF-8 (Unicode Standard, table 3-7).

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace anymetal::model {

enum class Utf8State : std::uint8_t {
  Whole,       ///< a whole, well-formed character
  Incomplete,  ///< the text ends inside a character that was well-formed so far
  Malformed,   ///< no character begins like this
};

/// What stands at the beginning of a text, and how many bytes of it that takes (at least 1 unless the text is empty).
struct Utf8Character {
  Utf8State state = Utf8State::Incomplete;
  std::size_t length = 0;
};

/// Looks at the first character of `text`; an empty text is Incomplete with length 0.
Utf8Character first_character(std::string_view text);

/// Offset of the first byte that is not well-formed UTF-8; `text.size()` if all of it is.
std::size_t well_formed_length(std::string_view text);

}  // namespace anymetal::model
