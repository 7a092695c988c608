#pragma once
/// \file
/// How an MSL source is to be compiled.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace anymetal {

/// Floating-point mode (MSL specification, section 1.6.3). Infinities and NaN stay meaningful in each of them.
enum class MathMode : std::uint8_t { Safe, Relaxed, Fast };

/// Everything beside its text that changes what a source means. Part of every cache key.
struct SourceOptions {
  std::string file_name{};                                           ///< as diagnostics show it; empty: the kernel's name
  std::vector<std::pair<std::string, std::string>> defines{};        ///< `-D NAME=VALUE`, in order
  std::vector<std::pair<std::string, std::string>> include_files{};  ///< virtual files: name as in `#include "name"`, text
  std::vector<std::string> include_directories{};                    ///< `-I`, in order
  std::string language_standard = "metal4.0";                      ///< "metal2.3" .. "metal4.0"
  MathMode math_mode = MathMode::Fast;
  unsigned max_errors = 20;
};

}  // namespace anymetal
