#include "cache/private_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace anymetal::cache {

namespace {

constexpr off_t kLargestFile = off_t{1} << 30;

std::string why(int error) { return std::strerror(error); }

// Owns a descriptor for one scope.
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

// A write past RLIMIT_FSIZE raises SIGXFSZ, which ends the process by default: held back here, and taken if it came.
class FileSizeSignalBlocked {
 public:
  FileSizeSignalBlocked() {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  ~FileSizeSignalBlocked() {
    if (sigismember(&before_, SIGXFSZ) == 0) {
      const timespec at_once{};
      while (sigtimedwait(&signal_, nullptr, &at_once) == SIGXFSZ) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  FileSizeSignalBlocked(const FileSizeSignalBlocked&) = delete;
  FileSizeSignalBlocked& operator=(const FileSizeSignalBlocked&) = delete;

 private:
  sigset_t signal_;
  sigset_t before_;
};

int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : ENOSPC;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

PrivateDirectory::PrivateDirectory(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole(path);
  if (whole.has_parent_path()) std::filesystem::create_directories(whole.parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    problem_ = "cannot create " + path + ": " + why(errno);
    return;
  }
  const int opened = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (opened < 0) {
    problem_ = "cannot open " + path + ": " + why(errno);
    return;
  }
  struct stat info {};
  if (::fstat(opened, &info) != 0 || info.st_uid != ::geteuid() || (info.st_mode & 022) != 0) {
    ::close(opened);
    problem_ = path + " belongs to another user or others may write to it; kernels are executed from it, so it is not used";
    return;
  }
  descriptor_ = opened;
}

PrivateDirectory::~PrivateDirectory() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

PrivateDirectory::File PrivateDirectory::read(const std::string& name, Touch touch) const {
  const Descriptor file{::openat(descriptor_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (file.value < 0) {
    return {errno == ENOENT || errno == ENOTDIR ? File::State::Missing : File::State::Unusable, {}};
  }
  struct stat info {};
  const bool plain = ::fstat(file.value, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == ::geteuid();
  if (!plain || info.st_size > kLargestFile) return {File::State::Unusable, {}};
  File result{File::State::Read, std::string(static_cast<std::size_t>(info.st_size), '\0')};
  std::size_t done = 0;
  while (done < result.bytes.size()) {
    const ssize_t got = ::read(file.value, result.bytes.data() + done, result.bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  result.bytes.resize(done);
  if (touch == Touch::Yes) (void)::futimens(file.value, nullptr);
  return result;
}

std::optional<std::string> PrivateDirectory::create(const std::string& name, std::string_view bytes,
                                                    const std::function<void()>& half_way) const {
  const Descriptor file{
      ::openat(descriptor_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (file.value < 0) return why(errno);
  const FileSizeSignalBlocked blocked;
  const auto half = bytes.size() / 2;
  int error = write_all(file.value, bytes.substr(0, half));
  if (error == 0) {
    half_way();
    error = write_all(file.value, bytes.substr(half));
  }
  if (error == 0) return std::nullopt;
  (void)::unlinkat(descriptor_, name.c_str(), 0);
  return why(error);
}

std::optional<std::string> PrivateDirectory::make_folder(const std::string& name) const {
  if (::mkdirat(descriptor_, name.c_str(), 0700) == 0 || errno == EEXIST) return std::nullopt;
  return why(errno);
}

std::optional<std::string> PrivateDirectory::rename(const std::string& from, const std::string& to) const {
  if (::renameat(descriptor_, from.c_str(), descriptor_, to.c_str()) == 0) return std::nullopt;
  return why(errno);
}

bool PrivateDirectory::remove(const std::string& name) const {
  return ::unlinkat(descriptor_, name.c_str(), 0) == 0 || ::unlinkat(descriptor_, name.c_str(), AT_REMOVEDIR) == 0;
}

}  // namespace anymetal::cache
