#pragma once
/// \file
/// Expected lines of a text, written as LLVM's FileCheck takes them.

#include <string>
#include <string_view>

namespace anymetal::test {

/// Compares `text` with the directives in `checks`, which may stand in any other text, one a line:
///
///     CHECK: pattern          in a line below the last one matched
///     CHECK-NEXT: pattern     in the line below the last one matched
///     CHECK-SAME: pattern     in the same line, behind what was matched
///     CHECK-NOT: pattern      in no line between the last one matched and the next
///     CHECK-COUNT-3: pattern  in three lines, one after the other
///
/// A pattern is text, `{{regular expression}}`, `[[NAME:regular expression]]`, which remembers what it matched, or
/// `[[NAME]]`, which is that. Runs of blanks are one blank. `prefix` stands in the place of CHECK.
/// Returns what differs, or an empty text. Checks without a directive differ from everything.
std::string file_check(std::string_view text, std::string_view checks, std::string_view prefix = "CHECK");

}  // namespace anymetal::test
