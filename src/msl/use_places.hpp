#pragma once
/// \file
/// Where a kernel uses what has no definition.

namespace anymetal::msl {

/// Of a declaration in the IR: line, column, file and the line's text, each on a line. Such declarations are refused by specialisation.
inline constexpr const char* kUsePlaceAttribute = "msl-used-at";

}  // namespace anymetal::msl
