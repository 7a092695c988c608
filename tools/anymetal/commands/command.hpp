#pragma once
/// \file
/// How a subcommand joins the program: it declares its options and leaves an action for after the parse.

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

#include "parts/output.hpp"

namespace anymetal::cli {

/// What the subcommand that was named wants done.
using Action = std::function<Exit()>;

void add_devices(CLI::App& app, Action& action);
void add_kernels(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);
void add_demo(CLI::App& app, Action& action);
void add_compile(CLI::App& app, Action& action);
void add_run(CLI::App& app, Action& action);
void add_tokenize(CLI::App& app, Action& action);
void add_generate(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_fetch(CLI::App& app, Action& action);
void add_cache(CLI::App& app, Action& action);
void add_warm_up(CLI::App& app, Action& action);

/// Declares a subcommand whose `run(options)` is the action. `Options` is default-constructed; `declare` binds its
/// members.
template <class Options, class Declare>
CLI::App& add_command(CLI::App& app, Action& action, const char* name, const char* summary, Declare declare,
                      Exit (*run)(const Options&)) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand(name, summary);
  declare(command, *options);
  command.callback([&action, options, run] { action = [options, run] { return run(*options); }; });
  return command;
}

}  // namespace anymetal::cli
