#pragma once
/// \file
/// The headers of kernels/ in the form that built-in kernels are parsed from.

#include <string_view>

#include "msl/precompiled_headers.hpp"

namespace anymetal::registry {

/// Made while the library is built.
struct EmbeddedPch {
  std::string_view pch;
  std::string_view manifest;
};
EmbeddedPch embedded_pch(msl::Target target);

/// The headers of kernels/ for the target: for built-in kernels, whose texts mean the same where all of them are
/// included. InternalError where the library was put together of files that do not belong together.
Result<const msl::PrecompiledHeaders*> precompiled_kernels(msl::Target target);

}  // namespace anymetal::registry
