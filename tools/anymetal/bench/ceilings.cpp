#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bench/bench.hpp"
#include "commands/device_option.hpp"
#include "parts/number_option.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  unsigned threads = 0;
  bool json = false;
};

Exit measure(const Options& options) {
  const unsigned threads = options.threads != 0 ? options.threads : anymetal::bench::available_threads();
  const auto ceilings = anymetal::bench::measure_ceilings(threads);
  if (options.json)
    print_json(to_json(ceilings));
  else
    print_ceilings(ceilings);
  return Exit::Done;
}

}  // namespace

nlohmann::ordered_json to_json(const anymetal::bench::Ceilings& c) {
  return {{"threads", c.threads},
          {"read_gigabytes_per_second", c.read_gigabytes_per_second},
          {"copy_gigabytes_per_second", c.copy_gigabytes_per_second},
          {"fma_gigaflops", c.fma_gigaflops}};
}

void print_ceilings(const anymetal::bench::Ceilings& c) {
  fmt::print("this machine, {} threads: read {:.1f} GB/s, copy {:.1f} GB/s, f32 multiply-add {:.1f} GFLOP/s\n",
             c.threads, c.read_gigabytes_per_second, c.copy_gigabytes_per_second, c.fma_gigaflops);
}

void add_bench_ceilings(CLI::App& bench, Action& action) {
  add_command<Options>(
      bench, action, "ceilings", "Measure what the processor's memory and arithmetic reach",
      [](CLI::App& command, Options& options) {
        add_number_option(command, "--threads", options.threads, "Default: all this process may use", 1U, 1024U)
            ->default_str("");
        command.add_flag("--json", options.json, "Print one JSON object");
      },
      measure);
}

}  // namespace anymetal::cli
