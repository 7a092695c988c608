#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "bench/bench.hpp"
#include "cases/benchmark.hpp"
#include "commands/device_option.hpp"
#include "parts/timing.hpp"

namespace anymetal::cli {

namespace {

struct Options {
  std::string kernel;
  unsigned repeat = 20;
  double seconds = 5;
  DeviceArguments device;
  bool list = false;
  bool json = false;
};

/// The case that measures this kernel; nothing where there is none.
std::optional<cases::Case> find_case(std::string_view kernel) {
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& c : list.cases()) {
    if (c.kernel == kernel && c.purpose == cases::Purpose::Benchmark) return c;
  }
  return std::nullopt;
}

struct Measured {
  double compile_milliseconds = 0;
  Timing run;
  std::size_t runs = 0;
  double bytes = 0;
  double operations = 0;
};

Result<Measured> measure_case(const Device& device, const cases::Case& kernel_case, const Options& options) {
  KernelRegistry registry;
  auto measured = cases::measure(kernel_case, registry, device, options.repeat, options.seconds);
  if (!measured) return std::unexpected(measured.error());
  for (double& time : measured->seconds) time *= 1e3;
  const std::size_t runs = measured->seconds.size();
  return Measured{.compile_milliseconds = measured->compile_seconds * 1e3,
                  .run = summarise(std::move(measured->seconds)),
                  .runs = runs,
                  .bytes = measured->bytes,
                  .operations = measured->flops};
}

nlohmann::ordered_json to_json(const cases::Case& kernel_case, const Measured& measured,
                               const std::optional<anymetal::bench::Ceilings>& ceilings) {
  const double seconds = measured.run.median * 1e-3;
  nlohmann::ordered_json object{{"kernel", kernel_case.kernel},
                                {"shape", kernel_case.label},
                                {"compile_milliseconds", measured.compile_milliseconds},
                                {"runs", measured.runs},
                                {"milliseconds", cli::to_json(measured.run)},
                                {"gigabytes_per_second", measured.bytes * 1e-9 / seconds},
                                {"gigaflops", measured.operations * 1e-9 / seconds}};
  if (ceilings) object["ceilings"] = cli::to_json(*ceilings);
  return object;
}

void print_result(const cases::Case& kernel_case, const Measured& measured,
                  const std::optional<anymetal::bench::Ceilings>& ceilings) {
  const double seconds = measured.run.median * 1e-3;
  fmt::print("{}, {}\n", kernel_case.kernel, kernel_case.label);
  fmt::print("{:.4f} ms (median of {}, spread {:.4f}); first compile {:.1f} ms\n", measured.run.median, measured.runs,
             measured.run.spread, measured.compile_milliseconds);
  const bool arithmetic = measured.operations > 0;
  const double rate = (arithmetic ? measured.operations : measured.bytes) * 1e-9 / seconds;
  fmt::print("{:.1f} {}", rate, arithmetic ? "GFLOP/s" : "GB/s");
  if (ceilings) {
    const double ceiling = arithmetic ? ceilings->fma_gigaflops : ceilings->read_gigabytes_per_second;
    fmt::print(", {:.0f} % of {}\n", 100 * rate / ceiling, arithmetic ? "the multiply-add peak" : "read bandwidth");
    print_ceilings(*ceilings);
  } else {
    fmt::print("\n");
  }
}

Exit list_cases() {
  const cases::CaseList list = cases::all_cases();
  for (const cases::Case& c : list.cases()) {
    if (c.purpose == cases::Purpose::Benchmark) fmt::print("{:<64} {}\n", c.kernel, c.label);
  }
  return Exit::Done;
}

Exit bench_kernel(const Options& options) {
  if (options.list) return list_cases();
  const auto kernel_case = find_case(options.kernel);
  if (!kernel_case) {
    return report(
        Error(ErrorCode::InvalidArgument,
              fmt::format("there is no benchmark of '{}'; `anymetal bench kernel --list` shows what there is. "
                          "`anymetal run --kernel NAME --repeat N` times any kernel on data of yours",
                          options.kernel)),
        options.json);
  }
  auto device = open_device(options.device);
  if (!device) return report(device.error(), options.json);
  const auto measured = measure_case(*device, *kernel_case, options);
  if (!measured) return report(measured.error(), options.json);
  std::optional<anymetal::bench::Ceilings> ceilings;
  if (device->info().id == "cpu") ceilings = anymetal::bench::measure_ceilings(device->info().compute_units);
  if (options.json)
    print_json(to_json(*kernel_case, *measured, ceilings));
  else
    print_result(*kernel_case, *measured, ceilings);
  return Exit::Done;
}

void declare(CLI::App& command, Options& options) {
  auto& what = *command.add_option_group("What", "One of");
  what.add_option("kernel", options.kernel, "Built-in kernel")->type_name("NAME");
  what.add_flag("--list", options.list, "List the kernels that have a benchmark");
  what.require_option(1);
  command.add_option("--repeat", options.repeat, "Most runs")->check(CLI::Range(3U, 100000U))->capture_default_str();
  command.add_option("--seconds", options.seconds, "Most time to spend")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  add_device_option(command, options.device);
  add_threads_option(command, options.device);
  command.add_flag("--json", options.json, "Print one JSON object");
}

}  // namespace

void add_bench_kernel(CLI::App& bench, Action& action) {
  add_command<Options>(bench, action, "kernel", "Time of one kernel at its benchmark size", declare, bench_kernel);
}

}  // namespace anymetal::cli
