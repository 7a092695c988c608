#pragma once
/// \file
/// MSL's own keywords that are macros here (prelude/keywords.h).

#include <algorithm>
#include <array>
#include <string_view>

namespace anymetal::msl {

inline bool is_keyword_macro(std::string_view word) {
  static constexpr std::array<std::string_view, 8> kKeywords = {"device", "constant", "threadgroup", "thread", "kernel", "vertex", "fragment", "coherent"};
  return std::ranges::find(kKeywords, word) != kKeywords.end();
}

/// `#pragma __msl_keyword kernel`, which `#undef kernel` becomes (prepass.hpp): no macro of the user's has the name any more, and the
/// keyword is one again (library_macros.hpp).
inline constexpr std::string_view kKeywordPragma = "pragma __msl_keyword";

}  // namespace anymetal::msl
