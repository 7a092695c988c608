#include "cases/benchmark.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cases/bound_problem.hpp"
#include "cases/host_arguments.hpp"
#include "cases/operations.hpp"
#include "cases/runner.hpp"

namespace anymetal::cases {
namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Shorter times are taken of several runs together.
constexpr double kShortest = 20e-6;
constexpr std::size_t kMostTogether = 64;

/// Of at most `runs` times within about `seconds`, of three at least: what a run takes where `repeat(n)` does n.
template <class Repeat>
std::vector<double> times(std::size_t runs, double seconds, Repeat repeat) {
  const auto begin = Clock::now();
  repeat(1);
  const double wanted = kShortest / std::max(since(begin), kShortest / static_cast<double>(kMostTogether));
  const auto together = std::max<std::size_t>(1, static_cast<std::size_t>(wanted));
  std::vector<double> taken;
  while (taken.size() < 3 || (taken.size() < runs && since(begin) < seconds)) {
    const auto start = Clock::now();
    repeat(together);
    taken.push_back(since(start) / static_cast<double>(together));
  }
  return taken;
}

}  // namespace

Result<Measurement> measure(const Case& test, KernelRegistry& registry, Device device, std::size_t runs,
                            double seconds) {
  const Problem problem = test.make();
  Measurement measured{.compile_seconds = 0,
                       .seconds = {},
                       .bytes = problem.traffic(),
                       .flops = problem.flops(),
                       .operations = operations_of(test.kernel, problem),
                       .plain_seconds = {}};
  const auto asked = Clock::now();
  auto pipeline = pipeline_for(test, problem, registry, device);
  measured.compile_seconds = since(asked);
  if (!pipeline) return std::unexpected(pipeline.error());

  const Outcome outcome = run(test, problem, registry, device);
  if (!outcome.passed()) {
    return fail(ErrorCode::InternalError, fmt::format("{} [{}] is wrong and is not timed: {}", test.kernel, test.label,
                                                      outcome.failures.front()));
  }

  auto bound = BoundProblem::make(problem, device, Placement::Aligned);
  if (!bound) return std::unexpected(bound.error());
  auto encoder = device.make_command_encoder();
  if (!encoder) return std::unexpected(encoder.error());
  Result<void> done;
  measured.seconds = times(runs, seconds, [&](std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) bound->encode(*encoder, *pipeline);
    if (done) done = encoder->commit_and_wait();
  });
  if (!done) return std::unexpected(done.error());

  const bool on_host = device.info().id == "cpu";
  const plain::Loop loop = on_host && plain::host_runs_loops() ? plain::loop_of(test.kernel.c_str()) : nullptr;
  if (loop == nullptr) return measured;
  HostArguments arguments(problem);
  if (const auto failures = arguments.failures_of(loop); !failures.empty()) {
    return fail(ErrorCode::InternalError, fmt::format("the plain loop of {} [{}] is wrong and is not timed: {}",
                                                      test.kernel, test.label, failures.front()));
  }
  measured.plain_seconds = times(runs, seconds, [&](std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) loop(arguments.view());
  });
  return measured;
}

}  // namespace anymetal::cases
