#include "cases/benchmark.hpp"

#include <fmt/format.h>

#include <chrono>

#include "cases/bound_problem.hpp"
#include "cases/host_arguments.hpp"
#include "cases/runner.hpp"

namespace anymetal::cases {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Of at most `runs` runs within about `seconds`, of three at least.
template <class Run>
std::vector<double> times(std::size_t runs, double seconds, Run run_once) {
  std::vector<double> taken;
  const auto begin = Clock::now();
  while (taken.size() < 3 || (taken.size() < runs && since(begin) < seconds)) {
    const auto start = Clock::now();
    run_once();
    taken.push_back(since(start));
  }
  return taken;
}

}  // namespace

Result<Measurement> measure(const Case& test, KernelRegistry& registry, Device device, std::size_t runs,
                            double seconds) {
  const Problem problem = test.make();
  Measurement measured{
      .compile_seconds = 0, .seconds = {}, .bytes = problem.traffic(), .flops = problem.flops(), .plain_seconds = {}};
  const auto asked = Clock::now();
  auto pipeline = pipeline_for(test, problem, registry, device);
  measured.compile_seconds = since(asked);
  if (!pipeline) return std::unexpected(pipeline.error());

  const Outcome outcome = run(test, registry, device);
  if (!outcome.passed()) {
    return fail(ErrorCode::InternalError, fmt::format("{} [{}] is wrong and is not timed: {}", test.kernel, test.label,
                                                      outcome.failures.front()));
  }

  auto bound = BoundProblem::make(problem, device, Placement::Aligned);
  if (!bound) return std::unexpected(bound.error());
  auto encoder = device.make_command_encoder();
  if (!encoder) return std::unexpected(encoder.error());
  Result<void> done;
  measured.seconds = times(runs, seconds, [&] {
    bound->encode(*encoder, *pipeline);
    if (done) done = encoder->commit_and_wait();
  });
  if (!done) return std::unexpected(done.error());

  const plain::Loop loop = plain::host_runs_loops() ? plain::loop_of(test.kernel.c_str()) : nullptr;
  if (loop == nullptr) return measured;
  HostArguments arguments(problem);
  if (const auto failures = arguments.failures_of(loop); !failures.empty()) {
    return fail(ErrorCode::InternalError, fmt::format("the plain loop of {} [{}] is wrong and is not timed: {}",
                                                      test.kernel, test.label, failures.front()));
  }
  measured.plain_seconds = times(runs, seconds, [&] { loop(arguments.view()); });
  return measured;
}

}  // namespace anymetal::cases
