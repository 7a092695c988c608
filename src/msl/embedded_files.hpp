#pragma once
/// \file
/// The library headers and their precompiled form, carried inside the program.

#include "msl/parsed_source.hpp"

#include <span>
#include <string_view>

namespace anymetal::msl {

struct EmbeddedFile {
  std::string_view name;  ///< as in `#include <name>`, e.g. "metal_stdlib", "__msl/vec.h"
  std::string_view text;  ///< followed by a NUL that is not part of it
};

/// All headers a source can include, and those the front end itself includes first ("prelude/...").
std::span<const EmbeddedFile> embedded_headers();

/// Clang's precompiled header of `prelude_text()` for the target; empty in the tool that makes it.
std::string_view embedded_pch(Target target);

}  // namespace anymetal::msl
