#pragma once
/// \file
/// Compiler spellings of types turned into MSL's.

#include <string>
#include <string_view>

namespace anymetal::msl {

/// `metal::vec<float, 4>` -> `float4`, `unsigned int` -> `uint`, `_Float16` -> `half`, ... anywhere in `text`.
std::string msl_spelling(std::string_view text);

/// The same for a compiler message: only what stands between quotes is changed.
std::string msl_message(std::string_view message);

}  // namespace anymetal::msl
