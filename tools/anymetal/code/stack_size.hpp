#pragma once
/// \file
/// How much stack the code of a kernel takes.

#include <cstddef>
#include <string_view>

namespace anymetal::cli {

/// Bytes of the largest frame: of an object from its stack sizes, of PTX from its local memory. 0 where it says
/// nothing.
std::size_t stack_size(std::string_view code);

}  // namespace anymetal::cli
