#include "demo/demo.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "demo/case.hpp"
#include "parts/timing.hpp"

namespace anymetal::cli {

namespace {

constexpr int kTimedRuns = 5;

struct DemoResult {
  const DemoCase* demo = nullptr;
  std::string execution_path;
  double compile_milliseconds = 0;
  Timing run;
  double error = 0;
  double rate = 0;  ///< units a second
  std::string_view unit;

  [[nodiscard]] bool ok() const { return error <= demo->tolerance; }
};

Result<DemoResult> run_case(KernelRegistry& registry, Device& device, const DemoCase& demo) {
  DemoResult result{&demo, {}, 0, {}, 0, 0, {}};
  registry.register_source(std::string(demo.name), std::string(demo_source(demo.name)));
  Result<PipelinePtr> pipeline{nullptr};
  result.compile_milliseconds =
      measure([&] { pipeline = registry.get_pipeline_with_constants(demo.name, device, std::span(demo.constants)); });
  if (!pipeline) return std::unexpected(pipeline.error());
  result.execution_path = (*pipeline)->execution_path();

  auto run = demo.prepare(device);
  if (!run) return std::unexpected(run.error());
  auto encoder = device.make_command_encoder();
  if (!encoder) return std::unexpected(encoder.error());
  const auto once = [&] {
    encoder->set_pipeline(*pipeline);
    run->encode(*encoder);
    return encoder->commit_and_wait();
  };
  // The first run is the one that is checked: a second histogram would count everything twice.
  if (auto done = once(); !done) return std::unexpected(done.error());
  const auto error = run->error();
  if (!error) return std::unexpected(error.error());
  result.error = *error;

  std::vector<double> times;
  for (int i = 0; i < kTimedRuns; ++i) {
    Result<void> done;
    times.push_back(measure([&] { done = once(); }));
    if (!done) return std::unexpected(done.error());
  }
  result.run = summarise(std::move(times));
  result.rate = run->amount / (result.run.median * 1e-3);
  result.unit = run->unit;
  return result;
}

void print_line(const DemoResult& r) {
  fmt::print("{:<11} {:<6} {:<11} {:>8.1f} ms {:>9.3f} ms {:>8.2f} {:<7} {:>8.1e}  {}\n", r.demo->name,
             r.ok() ? "ok" : "WRONG", r.execution_path, r.compile_milliseconds, r.run.median, r.rate,
             fmt::format("{}/s", r.unit), r.error, r.demo->what);
}

nlohmann::ordered_json to_json(const DemoResult& r) {
  return {{"name", r.demo->name},
          {"ok", r.ok()},
          {"execution_path", r.execution_path},
          {"compile_milliseconds", r.compile_milliseconds},
          {"milliseconds", cli::to_json(r.run)},
          {"rate", r.rate},
          {"unit", fmt::format("{}/s", r.unit)},
          {"largest_error", r.error},
          {"tolerance", r.demo->tolerance}};
}

}  // namespace

Exit run_demo(Device device, bool json) {
  KernelRegistry registry;
  auto kernels = nlohmann::ordered_json::array();
  bool all_ok = true;
  if (!json) {
    fmt::print("Kernels compiled from MSL and run on {}; each result is checked against the host's.\n\n",
               device.name());
    fmt::print("{:<11} {:<6} {:<11} {:>11} {:>12} {:>16} {:>9}  {}\n", "kernel", "result", "path", "compile", "run",
               "rate", "error", "shows");
  }
  for (const DemoCase& demo : demo_cases()) {
    const auto result = run_case(registry, device, demo);
    if (!result) return report(result.error().with_context(fmt::format("demonstration '{}'", demo.name)), json);
    all_ok = all_ok && result->ok();
    if (json)
      kernels.push_back(to_json(*result));
    else
      print_line(*result);
  }
  if (json) print_json({{"device", device.info().id}, {"ok", all_ok}, {"kernels", kernels}});
  if (!all_ok) note("anymetal: a kernel gave a wrong result; please report this");
  return all_ok ? Exit::Done : Exit::InputAtFault;
}

}  // namespace anymetal::cli
