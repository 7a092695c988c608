#pragma once
/// \file
/// MSL's own keywords that are macros here (prelude/keywords.h).

#include <algorithm>
#include <array>
#include <string_view>

namespace anymetal::msl {

/// What keywords.h defines in small letters; a test compares the two.
inline constexpr std::array<std::string_view, 11> kKeywordMacros = {"device", "constant", "threadgroup", "thread",      "kernel",   "vertex",
                                                                    "fragment", "coherent", "object_data", "ray_data", "threadgroup_imageblock"};

inline bool is_keyword_macro(std::string_view word) { return std::ranges::find(kKeywordMacros, word) != kKeywordMacros.end(); }

/// `#pragma __msl_keyword kernel`, which `#undef kernel` becomes (prepass.hpp): no macro of the user's has the name any more, and the
/// keyword is one again (library_macros.hpp).
inline constexpr std::string_view kKeywordPragma = "pragma __msl_keyword";

}  // namespace anymetal::msl
