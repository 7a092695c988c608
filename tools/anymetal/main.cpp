/// \file
/// The command line: `anymetal <subcommand>`. Exit codes: 0 done, 1 the input is at fault, 2 wrong usage, 3 no such
/// device.

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <system_error>

#include "commands/command.hpp"
#include "observe/environment.hpp"
#include "parts/misspelt_variables.hpp"
#include "registry/suggestions.hpp"
#include "run/without_memory.hpp"

namespace {

using namespace anymetal::cli;

constexpr const char* kDescription =
    "Compiles Metal Shading Language kernels and runs them on whatever device there is.\n"
    "Start with `anymetal demo` or `anymetal doctor`; `anymetal <subcommand> --help` explains each subcommand.\n"
    "Exit codes: 0 done, 1 the input is at fault, 2 wrong usage, 3 no such device.";

/// Opens what the caller closed of the three standard streams: the next file would get its number, and messages would
/// be written into it. Output to a closed stream stays an error, as the null device is opened for reading.
void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    // The lowest free number is this one: those before it are open.
    [[maybe_unused]] const int opened = ::open("/dev/null", O_RDONLY);
  }
}

/// What is wrong with a command line, in one line.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  if (at->get_require_subcommand_min() == 0) return error.what();
  const auto words = at->remaining();
  if (!words.empty() && words.front().starts_with('-'))
    return fmt::format("there is no option '{}' here", words.front());
  std::vector<std::string> names;
  for (const CLI::App* subcommand : at->get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(subcommand->get_name());
  }
  if (words.empty()) return fmt::format("a subcommand is required: {}", fmt::join(names, ", "));
  return fmt::format("there is no subcommand '{}'.{}", words.front(),
                     anymetal::registry::did_you_mean(anymetal::registry::closest_names(words.front(), names)));
}

Exit run(int argc, char** argv) {
  CLI::App app(kDescription, "anymetal");
  app.set_version_flag("--version", "anymetal " ANYMETAL_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(42);
  Action action;
  add_devices(app, action);
  add_kernels(app, action);
  add_doctor(app, action);
  add_demo(app, action);
  add_compile(app, action);
  add_run(app, action);
  add_tokenize(app, action);
  add_generate(app, action);
  add_bench(app, action);
  add_fetch(app, action);
  add_cache(app, action);
  add_warm_up(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      app.exit(e);
      return Exit::Done;
    }
    complain(explain(app, e));
    note("Run with --help for more information.");
    return Exit::WrongUsage;
  }
  for (const std::string& sentence : misspelt_variables(environ, anymetal::environment::names()))
    note("anymetal: warning: " + sentence);
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  open_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow (ulimit -f) is an error of who writes it
  end_cleanly_without_memory();
  try {
    const Exit exit = run(argc, argv);
    flush_output();
    return static_cast<int>(exit);
  } catch (const std::system_error& e) {
    complain(std::ferror(stdout) != 0 ? fmt::format("cannot write to standard output: {}", e.code().message())
                                      : e.what());
  } catch (const std::bad_alloc&) {
    complain("not enough memory");
  } catch (const std::exception& e) {
    complain(e.what());
  }
  return static_cast<int>(Exit::InputAtFault);
}
