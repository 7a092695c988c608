#include "cases/benchmark.hpp"

#include "cases/bound_problem.hpp"
#include "cases/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace anymetal::cases {

Result<Timing> time(const Case& test, KernelRegistry& registry, Device device, double seconds) {
  using Clock = std::chrono::steady_clock;
  const Outcome outcome = run(test, registry, device);
  if (outcome.unsupported) return fail(ErrorCode::UnsupportedByDevice, fmt::format("{} does not run on {}", test.kernel, device.name()));
  if (!outcome.passed()) {
    return fail(ErrorCode::InternalError, fmt::format("{} [{}] is wrong and is not timed: {}", test.kernel, test.label, outcome.failures.front()));
  }

  const Problem problem = test.make();
  auto pipeline = pipeline_for(test, problem, registry, device);
  if (!pipeline) return std::unexpected(pipeline.error());
  auto bound = BoundProblem::make(problem, device, Placement::Aligned);
  if (!bound) return std::unexpected(bound.error());
  auto encoder = device.make_command_encoder();
  if (!encoder) return std::unexpected(encoder.error());

  std::vector<double> samples;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (samples.size() < 3 || Clock::now() < end) {
    const auto start = Clock::now();
    bound->encode(*encoder, *pipeline);
    if (auto done = encoder->commit_and_wait(); !done) return std::unexpected(done.error());
    samples.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::ranges::sort(samples);
  return Timing{.median_seconds = samples[samples.size() / 2],
                .fastest_seconds = samples.front(),
                .slowest_seconds = samples.back(),
                .runs = samples.size(),
                .bytes = problem.traffic(),
                .flops = problem.flops()};
}

}  // namespace anymetal::cases
