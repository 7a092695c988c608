#include "bench/bench.hpp"

#include "commands/command.hpp"
#include "parts/number_option.hpp"

namespace anymetal::cli {

void add_repeat_option(CLI::App& command, unsigned& repeat) {
  add_number_option(command, "--repeat", repeat, "Runs", 1U, 1000U);
}

void add_run_options(CLI::App& command, DeviceArguments& device, bool& json) {
  add_device_option(command, device);
  add_threads_option(command, device);
  command.add_flag("--json", json, "Print one JSON object");
}

void add_bench(CLI::App& app, Action& action) {
  CLI::App& bench =
      *app.add_subcommand("bench", "Measure a model or a kernel beside what this machine reaches at best");
  bench.require_subcommand(1);
  add_bench_model(bench, action);
  add_bench_kernel(bench, action);
  add_bench_dispatch(bench, action);
  add_bench_ceilings(bench, action);
}

}  // namespace anymetal::cli
