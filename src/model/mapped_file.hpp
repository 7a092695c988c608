#pragma once
/// \file
/// A whole file as read-only memory.

#include <anymetal/error.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace anymetal::model {

/// A file mapped read-only. Thread contract: immutable after `open`; safe from any thread.
///
/// Pages come from the disk as they are touched and are shared between processes; the file must not shrink meanwhile.
class MappedFile {
 public:
  /// IoError where `path` is missing, unreadable, or not a regular file. An empty file maps to no bytes.
  static Result<std::shared_ptr<const MappedFile>> open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace anymetal::model
