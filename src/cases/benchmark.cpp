#include "cases/benchmark.hpp"

#include <fmt/format.h>

#include <chrono>

#include "cases/bound_problem.hpp"
#include "cases/runner.hpp"

namespace anymetal::cases {

Result<Measurement> measure(const Case& test, KernelRegistry& registry, Device device, std::size_t runs,
                            double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  const Problem problem = test.make();
  Measurement measured{
      .compile_seconds = 0, .seconds = {}, .bytes = problem.traffic(), .flops = problem.flops(), .plain_seconds = 0};
  const auto asked = Clock::now();
  auto pipeline = pipeline_for(test, problem, registry, device);
  measured.compile_seconds = since(asked);
  if (!pipeline) return std::unexpected(pipeline.error());

  const Outcome outcome = run(test, registry, device);
  if (!outcome.passed()) {
    return fail(ErrorCode::InternalError, fmt::format("{} [{}] is wrong and is not timed: {}", test.kernel, test.label,
                                                      outcome.failures.front()));
  }

  for (const Operand& operand : problem.operands()) {
    if (!operand.reference) continue;
    const auto start = Clock::now();
    const Expected expected = operand.reference();
    measured.plain_seconds += since(start);
  }

  auto bound = BoundProblem::make(problem, device, Placement::Aligned);
  if (!bound) return std::unexpected(bound.error());
  auto encoder = device.make_command_encoder();
  if (!encoder) return std::unexpected(encoder.error());
  const auto begin = Clock::now();
  while (measured.seconds.size() < 3 || (measured.seconds.size() < runs && since(begin) < seconds)) {
    const auto start = Clock::now();
    bound->encode(*encoder, *pipeline);
    if (auto done = encoder->commit_and_wait(); !done) return std::unexpected(done.error());
    measured.seconds.push_back(since(start));
  }
  return measured;
}

}  // namespace anymetal::cases
