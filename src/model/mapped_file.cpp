#include "model/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace anymetal::model {

namespace {

/// Closes the descriptor on every way out; a mapping outlives it.
struct Descriptor {
  int value;
  explicit Descriptor(int fd) : value(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

std::unexpected<Error> io_error(const std::string& path, int number) {
  return fail(ErrorCode::IoError, fmt::format("'{}' cannot be read: {}", path, std::strerror(number)));
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.value < 0) return io_error(path, errno);
  struct stat status{};
  if (::fstat(file.value, &status) != 0) return io_error(path, errno);
  if (S_ISDIR(status.st_mode)) return io_error(path, EISDIR);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::IoError, fmt::format("'{}' is not a regular file", path));
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile({}));
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (address == MAP_FAILED) return io_error(path, errno);
  // Where the file system can, what is not in memory yet comes in huge pages; where it cannot, nothing is lost.
  ::madvise(address, size, MADV_HUGEPAGE);
  return std::shared_ptr<const MappedFile>(new MappedFile({static_cast<const std::byte*>(address), size}));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace anymetal::model
