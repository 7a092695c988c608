#include "msl/number_suffixes.hpp"

namespace anymetal::msl {

void write_number_suffix(std::string_view text, const Token& number, TextEdits& edits) {
  const std::string_view s = text.substr(number.begin, number.end - number.begin);
  const bool is_hex = s.size() > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
  if (is_hex && s.find_first_of("pP") == std::string_view::npos) return;
  if (s.size() > 2 && (s.ends_with("bf") || s.ends_with("BF")) && !is_hex) {
    edits.insert(number.end - 2, "_");
    if (s.ends_with("BF")) edits.replace(number.end - 2, number.end, "bf");
  } else if (s.ends_with('h') || s.ends_with('H')) {
    edits.replace(number.end - 1, number.end, "f16");
  }
}

}  // namespace anymetal::msl
