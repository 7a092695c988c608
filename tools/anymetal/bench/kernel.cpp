#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "bench/bench.hpp"
#include "bench/kernel_cases.hpp"
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

struct Measured {
  double compile_milliseconds = 0;
  Timing run;
  unsigned runs = 0;
};

/// The first run compiles and is not counted; at most `repeat` more, as long as the time given lasts.
Result<Measured> measure_case(Device& device, KernelRegistry& registry, const KernelRun& run, const Options& options) {
  auto encoder = device.make_command_encoder();
  if (!encoder) return std::unexpected(encoder.error());
  ops::Context context{registry, device, *encoder};
  Measured measured;
  Result<void> recorded;
  measured.compile_milliseconds = measure([&] { recorded = run.record(context); });
  if (!recorded) return std::unexpected(recorded.error());
  if (auto done = encoder->commit_and_wait(); !done) return std::unexpected(done.error());

  std::vector<double> times;
  double total = 0;
  while (times.size() < options.repeat && (times.size() < 3 || total < options.seconds * 1e3)) {
    Result<void> done;
    times.push_back(measure([&] {
      done = run.record(context);
      if (done) done = encoder->commit_and_wait();
    }));
    if (!done) return std::unexpected(done.error());
    total += times.back();
  }
  measured.runs = static_cast<unsigned>(times.size());
  measured.run = summarise(std::move(times));
  return measured;
}

nlohmann::ordered_json to_json(const Options& options, const KernelCase& kernel_case, const KernelRun& run,
                               const Measured& measured, const std::optional<anymetal::bench::Ceilings>& ceilings) {
  const double seconds = measured.run.median * 1e-3;
  nlohmann::ordered_json object{{"kernel", options.kernel},
                                {"shape", kernel_case.shape},
                                {"compile_milliseconds", measured.compile_milliseconds},
                                {"runs", measured.runs},
                                {"milliseconds", cli::to_json(measured.run)},
                                {"gigabytes_per_second", run.bytes * 1e-9 / seconds},
                                {"gigaflops", run.operations * 1e-9 / seconds}};
  if (ceilings) object["ceilings"] = cli::to_json(*ceilings);
  return object;
}

void print_result(const Options& options, const KernelCase& kernel_case, const KernelRun& run, const Measured& measured,
                  const std::optional<anymetal::bench::Ceilings>& ceilings) {
  const double seconds = measured.run.median * 1e-3;
  fmt::print("{}, {}\n", options.kernel, kernel_case.shape);
  fmt::print("{:.4f} ms (median of {}, spread {:.4f}); first compile {:.1f} ms\n", measured.run.median, measured.runs,
             measured.run.spread, measured.compile_milliseconds);
  const bool arithmetic = run.operations > 0;
  const double rate = (arithmetic ? run.operations : run.bytes) * 1e-9 / seconds;
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
  for (const KernelCase& c : kernel_cases()) fmt::print("{:<60} {}\n", fmt::join(c.kernels, " or "), c.shape);
  return Exit::Done;
}

Exit bench_kernel(const Options& options) {
  if (options.list) return list_cases();
  const KernelCase* const kernel_case = find_kernel_case(options.kernel);
  if (kernel_case == nullptr) {
    return report(
        Error(ErrorCode::InvalidArgument,
              fmt::format("there is no benchmark of '{}'; `anymetal bench kernel --list` shows what there is. "
                          "`anymetal run --kernel NAME --repeat N` times any kernel on data of yours",
                          options.kernel)),
        options.json);
  }
  auto device = open_device(options.device);
  if (!device) return report(device.error(), options.json);
  const auto run = kernel_case->prepare(*device);
  if (!run) return report(run.error(), options.json);
  KernelRegistry registry;
  const auto measured = measure_case(*device, registry, *run, options);
  if (!measured) return report(measured.error(), options.json);
  if (!registry.is_cached(options.kernel)) {
    note(fmt::format("note: on {} the op takes another of: {}", device->info().id,
                     fmt::join(kernel_case->kernels, ", ")));
  }
  std::optional<anymetal::bench::Ceilings> ceilings;
  if (device->info().id == "cpu") ceilings = anymetal::bench::measure_ceilings(device->info().compute_units);
  if (options.json)
    print_json(to_json(options, *kernel_case, *run, *measured, ceilings));
  else
    print_result(options, *kernel_case, *run, *measured, ceilings);
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
