#include "fuzz/prepass_check.hpp"

#include "msl/prepass.hpp"

#include <algorithm>

namespace fuzz {

std::string check_prepass(std::string_view text) {
  const auto result = anymetal::msl::prepass(text);
  if (std::ranges::count(result.text, '\n') != std::ranges::count(text, '\n')) return "the pre-pass lost or made a line";
  unsigned line = 1;
  unsigned column = 1;
  for (const char c : result.text) {
    if (result.columns.original_column(line, column) == 0) return "a position without a column";
    column = c == '\n' ? 1 : column + 1;
    if (c == '\n') ++line;
  }
  return {};
}

}  // namespace fuzz
