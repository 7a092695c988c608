#pragma once
/// \file
/// What a parse learnt from the include directories.

#include <optional>
#include <string>
#include <string_view>

namespace anymetal::msl {

/// One path below an include directory that a parse looked at.
struct FileDependency {
  std::string path;
  std::string digest;  ///< of what it holds (content_digest); empty where there was nothing
  friend bool operator==(const FileDependency&, const FileDependency&) = default;
};

/// SHA-256 in hexadecimal.
std::string content_digest(std::string_view text);

/// Whether a parse would find the same at this path today.
bool is_unchanged(const FileDependency& dependency);

}  // namespace anymetal::msl
