#include "cache/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "cache/descriptor.hpp"

namespace anymetal::cache {

std::expected<std::string, std::string> read_key_file(const std::string& path) {
  constexpr off_t kLeast = 16;
  constexpr off_t kMost = 4096;
  const auto refuse = [&](const std::string& why) { return std::unexpected("the key file " + path + ' ' + why); };
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!file) return refuse(std::string("cannot be opened: ") + std::strerror(errno));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return refuse("is no plain file");
  if (info.st_uid != ::geteuid() && info.st_uid != 0) return refuse("belongs to another user");
  if ((info.st_mode & 027) != 0)
    return refuse("may be read by everybody or changed by others: set its mode to 0600 or 0640");
  if (info.st_size < kLeast || info.st_size > kMost) return refuse("is not of 16 to 4096 bytes");
  std::string key(static_cast<std::size_t>(info.st_size), '\0');
  if (::read(file.get(), key.data(), key.size()) != info.st_size) return refuse("cannot be read");
  return key;
}

}  // namespace anymetal::cache
