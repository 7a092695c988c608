#pragma once
/// \file
/// Runs the built command line as a user does.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::test {

/// How a run of the program ended.
struct Finished {
  int exit_code = -1;  ///< 128 + signal where it was killed
  std::string out;
  std::string err;
};

/// `anymetal arguments...`, without a terminal and with NO_COLOR unset.
Finished run_program(std::vector<std::string> arguments);

/// All that stands in a file; empty where there is none.
std::string read_text(const std::string& path);

/// A directory of its own for one test, removed with everything in it.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  /// Path of a file in it, as text.
  [[nodiscard]] std::string file(std::string_view name) const { return (path_ / name).string(); }
  /// Writes a file and gives its path.
  std::string write(std::string_view name, std::string_view content) const;
  /// Names of the files in it, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  std::filesystem::path path_;
};

}  // namespace anymetal::test
