#include "parts/file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace anymetal::cli {

namespace fs = std::filesystem;

namespace {

std::unexpected<Error> io_failure(const fs::path& path, std::string_view action, std::string_view reason) {
  return fail(ErrorCode::IoError, fmt::format("{}: cannot {}: {}", path.string(), action, reason));
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
  std::ostringstream content;
  content << file.rdbuf();
  if (file.bad()) return io_failure(path, "read", std::strerror(errno));
  return std::move(content).str();
}

Result<void> write_file(const fs::path& path, std::span<const std::byte> bytes) {
  if (fs::is_directory(path)) return io_failure(path, "write", "is a directory");
  fs::path part = path;
  part += fmt::format(".{}.part", ::getpid());
  errno = 0;
  std::ofstream file(part, std::ios::binary | std::ios::trunc);
  if (!file) return io_failure(path, "write", std::strerror(errno));
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code renamed;
  if (file) {
    fs::rename(part, path, renamed);
    if (!renamed) return {};
  }
  const std::string reason = renamed ? renamed.message() : std::strerror(errno);
  std::error_code ignored;
  fs::remove(part, ignored);
  return io_failure(path, "write", reason);
}

}  // namespace anymetal::cli
