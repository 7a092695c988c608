#pragma once
/// \file
/// Which Clang and LLVM this process has loaded.

#include <string_view>

namespace anymetal::registry {

/// Names and build ids of their shared libraries, or the build id of the program that contains them: a distribution
/// that patches LLVM changes neither its version nor this library, but the code they make. Found once per process.
std::string_view toolchain_identity();

}  // namespace anymetal::registry
