#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "bench/bench.hpp"
#include "cases/benchmark.hpp"
#include "commands/device_option.hpp"
#include "parts/number_option.hpp"
#include "parts/timing.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::vector<std::string> kernels;
  unsigned repeat = 20;
  double seconds = 5;
  DeviceArguments device;
  std::string sizes;
  bool all = false;
  bool list = false;
  bool json = false;
};

/// Whether kernels are measured at sizes that a GPU's cache does not hold, on the device of this identity.
bool wants_large(const Options& options, std::string_view device) {
  return options.sizes.empty() ? device.starts_with("cuda") : options.sizes == "large";
}

/// The cases that measure kernels: of one that has large sizes these alone, where they are wanted.
std::vector<cases::Case> timed_cases(bool large) {
  const cases::CaseList list = cases::all_cases();
  std::set<std::string> with_large;
  for (const cases::Case& c : list.cases()) {
    if (large && c.purpose == cases::Purpose::LargeBenchmark) with_large.insert(c.kernel);
  }
  std::vector<cases::Case> found;
  for (const cases::Case& c : list.cases()) {
    const auto wanted = with_large.contains(c.kernel) ? cases::Purpose::LargeBenchmark : cases::Purpose::Benchmark;
    if (c.purpose == wanted) found.push_back(c);
  }
  return found;
}

/// The cases that measure these kernels, or all; an error for a name that has none.
Result<std::vector<cases::Case>> find_cases(const Options& options, std::string_view device) {
  const std::vector<cases::Case> timed = timed_cases(wants_large(options, device));
  if (options.all) return timed;
  std::vector<cases::Case> found;
  const auto add = [&](std::string_view kernel) {
    const auto before = found.size();
    for (const cases::Case& c : timed) {
      if (c.kernel == kernel) found.push_back(c);
    }
    return found.size() > before;
  };
  for (const std::string& kernel : options.kernels) {
    if (add(kernel)) continue;
    return fail(ErrorCode::InvalidArgument,
                fmt::format("there is no benchmark of '{}'; `anymetal bench kernel --list` shows what there is. "
                            "`anymetal run --kernel NAME --repeat N` times any kernel on data of yours",
                            kernel));
  }
  return found;
}

struct Measured {
  cases::Case test;
  double compile_milliseconds = 0;
  Timing run;
  std::size_t runs = 0;
  double bytes = 0;
  double flops = 0;
  double operations = 0;        ///< of lanes, where memory may not be what limits the kernel
  std::optional<Timing> plain;  ///< of the kernel's plain loop

  [[nodiscard]] double gigabytes_per_second() const { return bytes * 1e-6 / run.median; }
  [[nodiscard]] double gigaflops() const { return flops * 1e-6 / run.median; }
  /// 0 where there is no plain loop.
  [[nodiscard]] double times_plain() const { return plain ? run.median / plain->median : 0; }
  [[nodiscard]] std::string rate() const {
    return flops > 0 ? fmt::format("{:.1f} GFLOP/s", gigaflops()) : fmt::format("{:.1f} GB/s", gigabytes_per_second());
  }
};

Result<Measured> measure_case(const Device& device, const cases::Case& test, const Options& options) {
  KernelRegistry registry;
  auto measured = cases::measure(test, registry, device, options.repeat, options.seconds);
  if (!measured) return std::unexpected(measured.error());
  const auto timing = [](std::vector<double> seconds) {
    for (double& time : seconds) time *= 1e3;
    return summarise(std::move(seconds));
  };
  const std::size_t runs = measured->seconds.size();
  return Measured{.test = test,
                  .compile_milliseconds = measured->compile_seconds * 1e3,
                  .run = timing(std::move(measured->seconds)),
                  .runs = runs,
                  .bytes = measured->bytes,
                  .flops = measured->flops,
                  .operations = measured->operations,
                  .plain = measured->plain_seconds.empty() ? std::nullopt
                                                           : std::optional(timing(std::move(measured->plain_seconds)))};
}

nlohmann::ordered_json to_json(const Measured& measured) {
  const auto plain = measured.plain ? cli::to_json(*measured.plain) : nlohmann::ordered_json(nullptr);
  return {{"kernel", measured.test.kernel},
          {"shape", measured.test.label},
          {"compile_milliseconds", measured.compile_milliseconds},
          {"runs", measured.runs},
          {"milliseconds", cli::to_json(measured.run)},
          {"bytes", measured.bytes},
          {"flops", measured.flops},
          {"operations", measured.operations},
          {"gigabytes_per_second", measured.gigabytes_per_second()},
          {"gigaflops", measured.gigaflops()},
          {"plain_loop_milliseconds", plain},
          {"times_plain_loop", measured.plain ? nlohmann::ordered_json(measured.times_plain()) : nullptr}};
}

using Ceilings = std::optional<anymetal::bench::Ceilings>;

/// The rate as a part of what the machine reaches: multiply-adds where operations are counted, else read bandwidth.
double share(const Measured& measured, const anymetal::bench::Ceilings& ceilings) {
  return measured.flops > 0 ? measured.gigaflops() / ceilings.fma_gigaflops
                            : measured.gigabytes_per_second() / ceilings.read_gigabytes_per_second;
}

void print_result(const Measured& measured, const Ceilings& ceilings) {
  fmt::print("{}, {}\n", measured.test.kernel, measured.test.label);
  fmt::print("{:.4f} ms (median of {}, spread {:.4f}); first compile {:.1f} ms\n", measured.run.median, measured.runs,
             measured.run.spread, measured.compile_milliseconds);
  fmt::print("{}", measured.rate());
  if (ceilings) {
    fmt::print(", {:.0f} % of {}", 100 * share(measured, *ceilings),
               measured.flops > 0 ? "the multiply-add peak" : "read bandwidth");
  }
  fmt::print("\n");
  if (measured.plain) {
    fmt::print("{:.2f} times as long as a plain C++ loop on one thread: {:.4f} ms (spread {:.4f})\n",
               measured.times_plain(), measured.plain->median, measured.plain->spread);
  }
  if (ceilings) print_ceilings(*ceilings);
}

void print_heading() {
  fmt::print("{:<50} {:>12} {:>16} {:>7} {:>12} {:>8}\n", "kernel", "ms", "rate", "% peak", "plain ms", "x plain");
}
void print_row(const Measured& measured, const Ceilings& ceilings) {
  const std::string peak = ceilings ? fmt::format("{:.1f}", 100 * share(measured, *ceilings)) : "";
  fmt::print("{:<50} {:>12.4f} {:>16} {:>7} ", measured.test.kernel, measured.run.median, measured.rate(), peak);
  if (measured.plain) fmt::print("{:>12.4f} {:>8.2f}", measured.plain->median, measured.times_plain());
  fmt::print("\n");
  flush_output();
}

Exit list_cases(const Options& options) {
  for (const cases::Case& c : timed_cases(wants_large(options, options.device.id))) fmt::print("{:<64} {}\n", c.kernel, c.label);
  return Exit::Done;
}

/// A row as soon as it is known, and the ten slowest against plain loops at the end. What fails is told and left out.
Exit bench_table(const Device& device, const std::vector<cases::Case>& tests, const Ceilings& ceilings,
                 const Options& options) {
  std::vector<Measured> rows;
  auto array = nlohmann::ordered_json::array();
  bool failed = false;
  if (!options.json) {
    if (ceilings) print_ceilings(*ceilings);
    print_heading();
  }
  for (const cases::Case& test : tests) {
    auto measured = measure_case(device, test, options);
    if (!measured) {
      failed = true;
      report(measured.error(), false);
      continue;
    }
    if (options.json)
      array.push_back(to_json(*measured));
    else
      print_row(*measured, ceilings);
    rows.push_back(std::move(*measured));
  }
  if (options.json) {
    nlohmann::ordered_json object = {{"kernels", array}};
    if (ceilings) object["ceilings"] = cli::to_json(*ceilings);
    print_json(object);
  } else if (rows.size() > 10) {
    std::ranges::sort(rows, std::greater{}, &Measured::times_plain);
    fmt::print("\nThe ten that do worst against plain C++ loops on one thread:\n");
    print_heading();
    for (const Measured& row : std::span(rows).first(10)) print_row(row, ceilings);
  }
  return failed ? Exit::InputAtFault : Exit::Done;
}

Exit bench_kernel(const Options& options) {
  if (options.list) return list_cases(options);
  auto device = open_device(options.device);
  if (!device) return report(device.error(), options.json);
  const auto tests = find_cases(options, device->info().id);
  if (!tests) return report(tests.error(), options.json);
  Ceilings ceilings;
  if (device->info().id == "cpu") ceilings = anymetal::bench::measure_ceilings(device->info().compute_units);
  if (tests->size() > 1) return bench_table(*device, *tests, ceilings, options);
  const auto measured = measure_case(*device, tests->front(), options);
  if (!measured) return report(measured.error(), options.json);
  if (options.json) {
    auto object = to_json(*measured);
    if (ceilings) object["ceilings"] = cli::to_json(*ceilings);
    print_json(object);
  } else {
    print_result(*measured, ceilings);
  }
  return Exit::Done;
}

void declare(CLI::App& command, Options& options) {
  auto& what = *command.add_option_group("What", "One of");
  what.add_option("kernels", options.kernels, "Built-in kernels; a table for more than one")->type_name("NAME");
  what.add_flag("--all", options.all, "Every kernel that has a benchmark");
  what.add_flag("--list", options.list, "List the kernels that have a benchmark");
  what.require_option(1);
  command
      .add_option("--sizes", options.sizes,
                  "usual, or large: sizes that a GPU's last-level cache does not hold, for kernels that have them "
                  "(default: large on a GPU)")
      ->check(CLI::IsMember({"usual", "large"}));
  add_number_option(command, "--repeat", options.repeat, "Most runs", 3U, 100000U);
  add_number_option(command, "--seconds", options.seconds, "Most time to spend on a kernel", 0.0);
  add_run_options(command, options.device, options.json);
}

}  // namespace

void add_bench_kernel(CLI::App& bench, Action& action) {
  add_command<Options>(bench, action, "kernel", "Time of kernels at their benchmark size", declare, bench_kernel);
}

}  // namespace anymetal::cli
