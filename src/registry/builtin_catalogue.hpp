#pragma once
/// \file
/// The kernel sources built into the library, as constant data made from kernels/ at build time.

#include <cstdint>
#include <span>
#include <string_view>

namespace anymetal::registry {

/// One file of kernels/<family>/ or kernels/<device>/<family>/.
struct BuiltinFile {
  std::string_view path;    ///< below kernels/, e.g. "norm/rms_norm.metal"
  std::string_view family;  ///< its folder, e.g. "norm"
  std::string_view device;  ///< "cpu" or "cuda" where its kernels are that device's forms; empty: for all
  std::string_view text;
};

/// One kernel name and the file for all devices that declares it.
struct BuiltinKernel {
  std::string_view name;
  std::uint32_t file = 0;  ///< into builtin_files()
};

/// A kernel's form for one device, with the same name, arguments and grid.
struct BuiltinVariant {
  std::string_view device;
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
/// Sorted by device and name. Each name is one of builtin_kernels() too.
std::span<const BuiltinVariant> builtin_variants();
std::span<const BuiltinHeader> builtin_headers();

}  // namespace anymetal::registry
