#pragma once
/// \file
/// Words of CUDA, OpenCL, GLSL and C++ that people write in Metal, and misspelt words of Metal's.

#include <string>
#include <string_view>

namespace anymetal::msl {

/// What a message about an unknown word adds: what Metal has in its place. Empty where nothing is known.
std::string hint_for(std::string_view word);

}  // namespace anymetal::msl
