#include "cache/private_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <utility>

namespace anymetal::cache {

namespace {

constexpr off_t kLargestFile = off_t{1} << 30;
constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::string why(int error) { return std::strerror(error); }

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

// Whether a call failed for what the process or the disk was short of: that says nothing of the file it was about.
bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == EINTR || error == EIO || error == ESTALE;
}

PrivateDirectory::File not_opened(int error, PrivateDirectory::File::State otherwise) {
  if (is_shortage(error)) return {PrivateDirectory::File::State::Unread, {}, why(error)};
  return {error == ENOENT ? PrivateDirectory::File::State::Missing : otherwise, {}, {}};
}

std::chrono::system_clock::time_point time_of(const timespec& time) {
  constexpr time_t kLatest = 9'000'000'000;  // nanoseconds since 1970 have to fit into 63 bits
  const auto seconds = std::chrono::seconds(std::clamp<time_t>(time.tv_sec, 0, kLatest));
  return std::chrono::system_clock::time_point(seconds + std::chrono::nanoseconds(time.tv_nsec));
}

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

PrivateDirectory::PrivateDirectory(const std::string& path, Sharing sharing) {
  std::error_code error;
  const std::filesystem::path whole(path);
  if (whole.has_parent_path()) std::filesystem::create_directories(whole.parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    problem_ = "cannot create " + path + ": " + (error ? error.message() : why(errno));
    return;
  }
  Descriptor opened(::open(path.c_str(), kFolder));
  if (!opened) {
    problem_ = "cannot open " + path + ": " + why(errno);
    return;
  }
  struct stat info {};
  const bool known = ::fstat(opened.get(), &info) == 0;
  if (sharing == Sharing::Everybody && known) {
    mode_ = info.st_mode & 07777;
    owned_ = false;
  } else if (!known || info.st_uid != ::geteuid() || (info.st_mode & 022) != 0) {
    problem_ = path + " belongs to another user or others may write to it; kernels are executed from it, so it is not used";
    return;
  }
  descriptor_ = std::move(opened);
}

PrivateDirectory::Place PrivateDirectory::place(const std::string& name) const {
  const auto slash = name.find('/');
  if (slash == std::string::npos) return {Descriptor(::fcntl(descriptor_.get(), F_DUPFD_CLOEXEC, 0)), name.c_str()};
  return {Descriptor(::openat(descriptor_.get(), name.substr(0, slash).c_str(), kFolder)), name.c_str() + slash + 1};
}

PrivateDirectory::File PrivateDirectory::read(const std::string& name, Touch touch) const {
  const auto where = place(name);
  if (!where.folder) return not_opened(errno, File::State::Missing);
  const Descriptor file(::openat(where.at(), where.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return not_opened(errno, File::State::Unusable);
  struct stat info {};
  const bool plain = ::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) && (!owned_ || info.st_uid == ::geteuid());
  if (!plain || info.st_size > kLargestFile) return {File::State::Unusable, {}, {}};
  File result{File::State::Read, std::string(static_cast<std::size_t>(info.st_size), '\0'), {}};
  std::size_t done = 0;
  while (done < result.bytes.size()) {
    const ssize_t got = ::read(file.get(), result.bytes.data() + done, result.bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {File::State::Unread, {}, why(errno)};
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  result.bytes.resize(done);
  if (touch == Touch::Yes) (void)::futimens(file.get(), nullptr);
  return result;
}

// Not by std::filesystem: libstdc++ 12's directory iterators end the process where they get no memory.
PrivateDirectory::Listing PrivateDirectory::list(const std::string& folder) const {
  Listing listing;
  Descriptor opened(::openat(descriptor_.get(), folder.c_str(), kFolder));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opened ? ::fdopendir(opened.get()) : nullptr, ::closedir);
  if (stream != nullptr) (void)opened.release();
  errno = stream != nullptr ? 0 : errno;
  while (const dirent* found = stream != nullptr ? ::readdir(stream.get()) : nullptr) {
    struct stat info {};
    const std::string_view name = found->d_name;
    const bool known = ::fstatat(::dirfd(stream.get()), found->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0;  // else it is gone
    if (known && name != "." && name != ".." && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
      listing.entries.push_back({S_ISREG(info.st_mode) ? Entry::Kind::File : Entry::Kind::Folder, std::string(name),
                                 static_cast<std::uint64_t>(info.st_size), time_of(info.st_mtim)});
    }
    errno = 0;
  }
  if (errno != 0 && errno != ENOENT) listing.problem = why(errno);
  return listing;
}

std::optional<std::string> PrivateDirectory::create(const std::string& name, std::string_view bytes,
                                                    const std::function<void(PublishStep)>& step) const {
  step(PublishStep::CreateFile);
  const auto where = place(name);
  const Descriptor file(::openat(where.at(), where.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return why(errno);
  if (!owned_) (void)::fchmod(file.get(), mode_ & 0666);
  const FileSizeSignalBlocked blocked;
  const auto half = bytes.size() / 2;
  int error = write_all(file.get(), bytes.substr(0, half));
  if (error == 0) {
    step(PublishStep::WriteSecondHalf);
    error = write_all(file.get(), bytes.substr(half));
  }
  if (error == 0) {
    step(PublishStep::Sync);
    // Some network file systems cannot; then the checksum alone stands against a power failure.
    if (::fdatasync(file.get()) != 0 && errno != EINVAL && errno != ENOSYS) error = errno;
  }
  if (error == 0) return std::nullopt;
  (void)::unlinkat(where.at(), where.name, 0);
  return why(error);
}

std::optional<std::string> PrivateDirectory::make_folder(const std::string& name) const {
  if (::mkdirat(descriptor_.get(), name.c_str(), 0700) != 0) return errno == EEXIST ? std::nullopt : std::optional(why(errno));
  if (!owned_) (void)::fchmodat(descriptor_.get(), name.c_str(), mode_, 0);
  return std::nullopt;
}

std::optional<std::string> PrivateDirectory::rename(const std::string& from, const std::string& to) const {
  const auto source = place(from);
  const auto target = place(to);
  if (target.folder && ::renameat(source.at(), source.name, target.at(), target.name) == 0) return std::nullopt;
  return why(errno);
}

bool PrivateDirectory::remove(const std::string& name) const {
  const auto where = place(name);
  return ::unlinkat(where.at(), where.name, 0) == 0 || ::unlinkat(where.at(), where.name, AT_REMOVEDIR) == 0;
}

}  // namespace anymetal::cache
