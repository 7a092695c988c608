#pragma once
/// \file
/// Whole files in and out.

#include <anymetal/error.hpp>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace anymetal::cli {

/// All bytes of a regular file; IoError names the path and the reason (missing, a directory, not permitted).
Result<std::string> read_file(const std::filesystem::path& path);

/// Writes beside `path` and renames: a reader, or an interrupted run, never sees half a file.
Result<void> write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace anymetal::cli
