#pragma once
/// \file
/// Whole files in and out.

#include <anymetal/error.hpp>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>

namespace anymetal::cli {

/// All bytes of a file, of a pipe or a device at most 1 GiB; IoError names the path and the reason (missing, a directory,
/// not permitted, endless).
Result<std::string> read_file(const std::filesystem::path& path);

/// A file in the making: written beside its place and renamed at the end, so that a reader, or an interrupted run,
/// never sees half of it. A device or a pipe is written to as it is. Thread contract: one thread.
class FileWriter {
 public:
  static Result<FileWriter> create(std::filesystem::path path);
  ~FileWriter();
  FileWriter(FileWriter&&) noexcept = default;
  FileWriter& operator=(FileWriter&&) = delete;

  Result<void> append(std::span<const std::byte> bytes);
  /// Puts the file in its place. Without it nothing is left behind.
  Result<void> finish();

 private:
  FileWriter(std::filesystem::path path, std::filesystem::path part, std::ofstream file);
  std::filesystem::path path_;
  std::filesystem::path part_;  ///< empty once the file is in its place, for a device, and where another writer has it
  std::ofstream file_;
};

}  // namespace anymetal::cli
