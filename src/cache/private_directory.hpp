#pragma once
/// \file
/// A directory only this user can write to, and the few file operations the disk cache needs in it.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace anymetal::cache {

/// Code is executed from the files in it, so a directory of another user, one that others may write to, or a symbolic
/// link in its place is refused. All names are looked up below the opened directory and no link is followed.
/// Thread contract: safe from any thread; processes may share the directory.
class PrivateDirectory {
 public:
  /// Creates the directory (0700) where it is missing. On failure `ok()` is false and `problem()` says why.
  explicit PrivateDirectory(const std::string& path);
  ~PrivateDirectory();
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;

  [[nodiscard]] bool ok() const { return descriptor_ >= 0; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

  struct File {
    enum class State : std::uint8_t { Missing, Read, Unusable };  ///< Unusable: not a plain file of ours, or unreadable
    State state = State::Missing;
    std::string bytes;
  };
  /// Marks the file as used now unless `touch` says otherwise.
  enum class Touch : std::uint8_t { Yes, No };
  [[nodiscard]] File read(const std::string& name, Touch touch = Touch::Yes) const;

  /// Writes `bytes` to the new file `name` (0600); an error's text on failure, and then there is no such file.
  [[nodiscard]] std::optional<std::string> create(const std::string& name, std::string_view bytes,
                                                  const std::function<void()>& half_way) const;
  [[nodiscard]] std::optional<std::string> make_folder(const std::string& name) const;
  /// Moves a file over another in one step.
  [[nodiscard]] std::optional<std::string> rename(const std::string& from, const std::string& to) const;
  /// A file, or an empty folder. False where nothing was removed.
  bool remove(const std::string& name) const;

 private:
  int descriptor_ = -1;
  std::string problem_;
};

}  // namespace anymetal::cache
