#pragma once
/// \file
/// The kernel sources built into the library, as constant data made from kernels/ at build time.

#include <cstdint>
#include <span>
#include <string_view>

namespace anymetal::registry {

/// One file of kernels/<family>/.
struct BuiltinFile {
  std::string_view path;    ///< below kernels/, e.g. "norm/rms_norm.metal"
  std::string_view family;  ///< its folder, e.g. "norm"
  std::string_view text;
};

/// One kernel name and the file that declares it.
struct BuiltinKernel {
  std::string_view name;
  std::uint32_t file = 0;  ///< into builtin_files()
};

/// A header kernels may include, under the name `#include "common/reduce.h"` finds it by.
struct BuiltinHeader {
  std::string_view name;
  std::string_view text;
};

std::span<const BuiltinFile> builtin_files();
/// Sorted by name, no name twice.
std::span<const BuiltinKernel> builtin_kernels();
std::span<const BuiltinHeader> builtin_headers();

}  // namespace anymetal::registry
