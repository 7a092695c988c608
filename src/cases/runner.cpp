#include "cases/runner.hpp"

#include <fmt/format.h>

#include <cmath>
#include <functional>

namespace anymetal::cases {
namespace {

double allowed_error(const Tolerance& tolerance, const Expected& expected, std::size_t i) {
  const double magnitude = expected.magnitude.empty() ? 0.0 : expected.magnitude[i];
  return tolerance.absolute + tolerance.relative * std::fabs(expected.values[i]) + tolerance.magnitude * magnitude;
}

/// Error of one element; infinite where one side is NaN or an infinity and the other is not the same.
double error_of(double actual, double expected) {
  if (std::isnan(expected)) return std::isnan(actual) ? 0.0 : std::numeric_limits<double>::infinity();
  if (std::isnan(actual)) return std::numeric_limits<double>::infinity();
  if (actual == expected) return 0.0;
  return std::fabs(actual - expected);
}

Accuracy compare(const Operand& operand, const std::vector<double>& actual, std::vector<std::string>& failures) {
  const Expected expected = operand.reference();
  Accuracy worst{.index = operand.index};
  if (expected.values.size() != actual.size()) {
    failures.push_back(fmt::format("buffer {}: the reference has {} elements, the output {}", operand.index,
                                   expected.values.size(), actual.size()));
    return worst;
  }
  std::size_t wrong = 0;
  std::string first;
  double worst_ratio = -1;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double error = error_of(actual[i], expected.values[i]);
    const double allowed = allowed_error(operand.tolerance, expected, i);
    const double ratio = error == 0 ? 0 : error / allowed;
    if (ratio > worst_ratio) {
      worst_ratio = ratio;
      worst.error = error;
      worst.allowed = allowed;
    }
    if (error > allowed || std::isinf(error)) {  // an infinity that is expected allows infinite errors
      if (wrong++ == 0) {
        first = fmt::format("element {} is {}, must be {} (error {:.3g}, allowed {:.3g})", i, actual[i],
                            expected.values[i], error, allowed);
      }
    }
  }
  if (wrong > 0) {
    failures.push_back(
        fmt::format("buffer {}: {} of {} elements wrong; first: {}", operand.index, wrong, actual.size(), first));
  }
  return worst;
}

/// Runs the problem once and returns every operand's bytes.
Result<std::vector<std::vector<std::byte>>> run_once(const Problem& problem, const PipelinePtr& pipeline, Device device,
                                                     Placement placement, std::vector<std::string>& failures) {
  auto bound = BoundProblem::make(problem, device, placement);
  if (!bound) return std::unexpected(bound.error());
  auto encoder = device.make_command_encoder();
  if (!encoder) return std::unexpected(encoder.error());
  bound->encode(*encoder, pipeline);
  if (auto done = encoder->commit_and_wait(); !done) return std::unexpected(done.error());

  auto overruns = bound->overruns();
  if (!overruns) return std::unexpected(overruns.error());
  failures.insert(failures.end(), overruns->begin(), overruns->end());
  std::vector<std::vector<std::byte>> contents;
  for (std::size_t i = 0; i < problem.operands().size(); ++i) {
    auto content = bound->content(i);
    if (!content) return std::unexpected(content.error());
    contents.push_back(*std::move(content));
  }
  return contents;
}

}  // namespace

Problem Case::make(std::uint64_t seed) const {
  Problem problem(std::hash<std::string>{}(kernel + '/' + label) + seed);
  build(problem);
  return problem;
}

Result<PipelinePtr> pipeline_for(const Case& test, const Problem& problem, KernelRegistry& registry,
                                 const Device& device) {
  if (problem.constants().empty()) return registry.get_pipeline(test.kernel, device);
  return registry.get_pipeline_with_constants(test.kernel, device, std::span(problem.constants()));
}

Outcome run(const Case& test, KernelRegistry& registry, const Device& device, std::uint64_t seed,
            const Placements& placements) {
  Outcome outcome;
  const Problem problem = test.make(seed);
  const auto pipeline = pipeline_for(test, problem, registry, device);
  if (!pipeline) {
    outcome.unsupported = pipeline.error().code() == ErrorCode::UnsupportedByDevice;
    if (!outcome.unsupported) outcome.failures.push_back(pipeline.error().message());
    return outcome;
  }

  const auto first = run_once(problem, *pipeline, device, placements[0], outcome.failures);
  if (!first) {
    outcome.failures.push_back(first.error().message());
    return outcome;
  }
  for (std::size_t i = 0; i < problem.operands().size(); ++i) {
    const Operand& operand = problem.operands()[i];
    if (operand.role == Role::Input) {
      if ((*first)[i] != operand.content)
        outcome.failures.push_back(fmt::format("buffer {}: an input was changed", operand.index));
    } else if (!operand.reference) {
      outcome.failures.push_back(fmt::format("buffer {}: the case expects nothing of this output", operand.index));
    } else {
      outcome.accuracy.push_back(compare(operand, decode(operand.dtype, (*first)[i]), outcome.failures));
    }
  }

  const auto second = run_once(problem, *pipeline, device, placements[1], outcome.failures);
  if (!second) {
    outcome.failures.push_back("second run: " + second.error().message());
  } else if (*first != *second) {
    outcome.failures.push_back("a second run with other addresses gave other bits");
  }
  return outcome;
}

}  // namespace anymetal::cases
