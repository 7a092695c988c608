#pragma once
/// \file
/// Compiler spellings of types turned into MSL's.

#include <string>
#include <string_view>

namespace anymetal::msl {

/// `metal::vec<float, 4>` -> `float4`, `unsigned int` -> `uint`, `_Float16` -> `half`, ... anywhere in `text`.
std::string msl_spelling(std::string_view text);

/// The same for a message: only what stands between quotes is changed. In the compiler's own messages the address space
/// of a type that is no pointer goes, unless it is what they are about.
std::string msl_message(std::string_view message, bool is_compilers = true);

}  // namespace anymetal::msl
