#include "bench/bench.hpp"

#include "commands/command.hpp"

namespace anymetal::cli {

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
