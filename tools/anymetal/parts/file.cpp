#include "parts/file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

namespace anymetal::cli {

namespace fs = std::filesystem;

namespace {

/// What comes from a pipe or a device may have no end.
constexpr std::size_t kMostOfAPipe = std::size_t{1} << 30;

std::unexpected<Error> io_failure(const fs::path& path, std::string_view action, std::string_view reason) {
  return fail(ErrorCode::IoError,
              fmt::format("{}: cannot {}: {}", path.empty() ? "''" : path.string(), action, reason));
}

}  // namespace

Result<std::string> read_file(const fs::path& path) {
  std::error_code status;
  const fs::file_status kind = fs::status(path, status);
  if (kind.type() == fs::file_type::not_found) return io_failure(path, "read", "no such file");
  if (fs::is_directory(kind)) return io_failure(path, "read", "is a directory");
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return io_failure(path, "read", std::strerror(errno));
  if (fs::is_regular_file(kind)) {
    std::ostringstream content;
    content << file.rdbuf();
    if (file.bad()) return io_failure(path, "read", std::strerror(errno));
    return std::move(content).str();
  }
  std::string content;
  std::array<char, 65536> piece;
  while (file.read(piece.data(), piece.size()), file.gcount() > 0) {
    content.append(piece.data(), static_cast<std::size_t>(file.gcount()));
    if (content.size() > kMostOfAPipe) return io_failure(path, "read", "it has no end within 1 GiB");
  }
  if (file.bad()) return io_failure(path, "read", std::strerror(errno));
  return content;
}

FileWriter::FileWriter(fs::path path, fs::path part, std::ofstream file)
    : path_(std::move(path)), part_(std::move(part)), file_(std::move(file)) {}

FileWriter::~FileWriter() {
  std::error_code ignored;
  if (!part_.empty()) fs::remove(part_, ignored);
}

Result<FileWriter> FileWriter::create(fs::path path) {
  std::error_code ignored;
  if (path.empty()) return io_failure(path, "write", "no name is given");
  if (fs::is_directory(path, ignored)) return io_failure(path, "write", "is a directory");
  fs::path part = path;
  const fs::file_status there = fs::status(path, ignored);
  const bool is_replaced = !fs::exists(there) || fs::is_regular_file(there);  // a device or a pipe is written to
  if (is_replaced) part += fmt::format(".{}.part", ::getpid());
  errno = 0;
  std::ofstream file(part, std::ios::binary | std::ios::trunc);
  if (!file) return io_failure(path, "write", std::strerror(errno));
  return FileWriter(std::move(path), is_replaced ? std::move(part) : fs::path(), std::move(file));
}

Result<void> FileWriter::append(std::span<const std::byte> bytes) {
  errno = 0;
  file_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file_) return io_failure(path_, "write", std::strerror(errno));
  return {};
}

Result<void> FileWriter::finish() {
  errno = 0;
  file_.close();
  if (!file_) return io_failure(path_, "write", std::strerror(errno));
  if (part_.empty()) return {};
  std::error_code renamed;
  fs::rename(part_, path_, renamed);
  if (renamed) return io_failure(path_, "write", renamed.message());
  part_.clear();
  return {};
}

}  // namespace anymetal::cli
