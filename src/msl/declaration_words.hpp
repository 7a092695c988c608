#pragma once
/// \file
/// Words of declarations that are not the names of what they declare.

#include <algorithm>
#include <array>
#include <string_view>

namespace anymetal::msl {

/// What may be said of a variable or parameter beside its type.
inline bool is_specifier(std::string_view word) {
  static constexpr std::array<std::string_view, 11> kSpecifiers = {"const",       "constant", "constexpr", "device",
                                                                   "extern",      "inline",   "static",    "thread",
                                                                   "threadgroup", "typename", "volatile"};
  return std::ranges::find(kSpecifiers, word) != kSpecifiers.end();
}

/// What names a type, or a part of one.
inline bool is_type_word(std::string_view word) {
  static constexpr std::array<std::string_view, 14> kTypeWords = {"auto",  "bfloat", "bool",   "char",    "class",
                                                                  "enum",  "float",  "half",   "int",     "long",
                                                                  "short", "signed", "struct", "unsigned"};
  return std::ranges::find(kTypeWords, word) != kTypeWords.end();
}

}  // namespace anymetal::msl
