#pragma once
/// \file
/// Text of files and arguments on its way to a terminal.

#include <string>
#include <string_view>

namespace anymetal::cli {

/// `text` with control characters and bytes that are no UTF-8 as `<1B>`, so that a file cannot give a terminal
/// commands. Newlines and tabs stay.
std::string printable(std::string_view text);

/// A source line and what stands below it.
struct SourceExcerpt {
  std::string line;
  std::string indent;  ///< as wide as `line` up to the position
};

/// What to show of `line` around `column` (1-based, in bytes): all of it, or 200 bytes of a longer one.
SourceExcerpt source_excerpt(std::string_view line, unsigned column);

}  // namespace anymetal::cli
