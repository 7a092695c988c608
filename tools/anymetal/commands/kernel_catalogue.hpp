#pragma once
/// \file
/// docs/kernels.md: every built-in kernel from the comments of its source and what reflection knows of its arguments.

#include <anymetal/error.hpp>
#include <string>
#include <string_view>

namespace anymetal::cli {

/// The kernels of one family, or of all where it is empty, as Markdown. Parses every source and generates every entry's
/// IR. ShaderCompilationError where a source does not compile, InvalidArgument where a kernel has no documentation.
Result<std::string> kernel_catalogue(std::string_view family);

}  // namespace anymetal::cli
