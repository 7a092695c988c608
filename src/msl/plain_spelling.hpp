#pragma once
/// \file
/// Other spellings of tokens, undone before the pre-pass looks for brackets and names.

#include <optional>
#include <string>
#include <string_view>

namespace anymetal::msl {

/// The text with `[ ] { } #` for the digraphs `<: :> <% %> %:` and with names and numbers whole that a backslash at a
/// line's end cuts in two: their rest moves up before the backslash and leaves spaces. Every token begins at the line
/// and column where it did. Nothing where the text has neither.
std::optional<std::string> plain_spelling(std::string_view text);

}  // namespace anymetal::msl
