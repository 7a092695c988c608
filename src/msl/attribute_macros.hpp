#pragma once
/// \file
/// Macros of the user's that stand for attributes of a variable, as the text before preprocessing shows them.

#include <cstddef>
#include <span>
#include <string_view>

#include "msl/tokens.hpp"

namespace anymetal::msl {

/// In `constant bool b FLAG(0);` and `constant bool b FLAG;` the index of `FLAG`, where `constant` is the token at
/// `qualifier`: the word behind the variable's name, which only a macro can be. 0 where the declaration has no such
/// word.
std::size_t find_attribute_macro(std::string_view text, std::span<const Token> tokens, std::size_t qualifier);

}  // namespace anymetal::msl
