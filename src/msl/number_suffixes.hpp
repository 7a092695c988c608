#pragma once
/// \file
/// Suffixes of numbers that Clang does not have.

#include <string_view>

#include "msl/text_edits.hpp"
#include "msl/tokens.hpp"

namespace anymetal::msl {

/// `1.0h` becomes `1.0f16` and `1.0bf` the literal `1.0_bf`.
void write_number_suffix(std::string_view text, const Token& number, TextEdits& edits);

}  // namespace anymetal::msl
