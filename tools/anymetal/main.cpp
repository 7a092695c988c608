/// \file
/// The command line: `anymetal <subcommand>`. Exit codes: 0 done, 1 the input is at fault, 2 wrong usage, 3 no such
/// device.

#include <fmt/format.h>

#include <exception>

#include "commands/command.hpp"

namespace {

using namespace anymetal::cli;

constexpr const char* kDescription =
    "Compiles Metal Shading Language kernels and runs them on whatever device there is.\n"
    "Start with `anymetal demo` or `anymetal doctor`; `anymetal <subcommand> --help` explains each subcommand.\n"
    "Exit codes: 0 done, 1 the input is at fault, 2 wrong usage, 3 no such device.";

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
    return app.exit(e) == 0 ? Exit::Done : Exit::WrongUsage;
  }
  return action();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return static_cast<int>(run(argc, argv));
  } catch (const std::exception& e) {
    fmt::print(stderr, "anymetal: {}\n", e.what());
    return static_cast<int>(Exit::InputAtFault);
  }
}
