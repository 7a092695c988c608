#pragma once
/// \file
/// A directory only this user can write to, and the few file operations the disk cache needs in it.

#include "cache/descriptor.hpp"
#include "cache/settings.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::cache {

/// Code is executed from the files in it, so a directory of another user, one that others may write to, or a symbolic
/// link in its place is refused; where the entries are sealed it may belong to anybody. Names are of a file, or of one in a
/// folder. They are looked up below the opened directory and no link is followed.
/// Thread contract: safe from any thread; processes may share the directory.
class PrivateDirectory {
 public:
  /// Who else may write to it; what is made in it then has the directory's own permissions, else this user's alone.
  enum class Sharing : std::uint8_t { ThisUser, Everybody };
  /// Creates the directory (0700) where it is missing. On failure `ok()` is false and `problem()` says why.
  PrivateDirectory(const std::string& path, Sharing sharing);

  [[nodiscard]] bool ok() const { return static_cast<bool>(descriptor_); }
  [[nodiscard]] const std::string& problem() const { return problem_; }

  struct File {
    /// Unusable: not a plain file of ours, or one we may not read. Unread: nobody knows, `problem` kept the system from looking.
    enum class State : std::uint8_t { Missing, Read, Unusable, Unread };
    State state = State::Missing;
    std::string bytes;
    std::string problem;
  };
  /// Marks the file as used now unless `touch` says otherwise.
  enum class Touch : std::uint8_t { Yes, No };
  [[nodiscard]] File read(const std::string& name, Touch touch = Touch::Yes) const;

  struct Entry {
    enum class Kind : std::uint8_t { File, Folder };
    Kind kind = Kind::File;
    std::string name;
    std::uint64_t bytes = 0;
    std::chrono::system_clock::time_point used;  ///< last written to or read; between 1970 and 2255
  };
  struct Listing {
    std::vector<Entry> entries;
    std::string problem;  ///< what kept the system from reading it to its end; empty where nothing did, or where it is gone
  };
  /// The plain files and folders in a folder of it, or in itself: ".".
  [[nodiscard]] Listing list(const std::string& folder) const;

  /// Writes `bytes` to the new file `name` and from there to the disk; an error's text on failure, and then there is no such
  /// file. Tells `step` before each step.
  [[nodiscard]] std::optional<std::string> create(const std::string& name, std::string_view bytes,
                                                  const std::function<void(PublishStep)>& step) const;
  [[nodiscard]] std::optional<std::string> make_folder(const std::string& name) const;
  /// Moves a file over another in one step.
  [[nodiscard]] std::optional<std::string> rename(const std::string& from, const std::string& to) const;
  /// A file, or an empty folder. False where nothing was removed.
  bool remove(const std::string& name) const;

 private:
  // The folder a name is in, opened, and the name in it.
  struct Place {
    Descriptor folder;
    const char* name;
    [[nodiscard]] int at() const { return folder.get(); }
  };
  [[nodiscard]] Place place(const std::string& name) const;

  Descriptor descriptor_;
  unsigned mode_ = 0700;  // of folders; files have it without execution
  bool owned_ = true;     // files of other users are not read
  std::string problem_;
};

}  // namespace anymetal::cache
