#include "cases/runner.hpp"

#include <fmt/format.h>

#include <functional>

namespace anymetal::cases {
namespace {

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

/// A parameter that is a `constant T&` has one layout: host and device must give it the same size.
void compare_layouts(const Problem& problem, const ComputePipeline& pipeline, std::vector<std::string>& failures) {
  for (const Argument& argument : pipeline.arguments()) {
    if (argument.kind != ArgumentKind::Buffer || !argument.is_reference || !argument.active) continue;
    for (const Problem::Bytes& bytes : problem.bytes()) {
      if (bytes.index == argument.index && bytes.content.size() != argument.element_size) {
        failures.push_back(fmt::format("buffer {}: '{}' has {} bytes on the device, the case gives {}", argument.index,
                                       argument.type, argument.element_size, bytes.content.size()));
      }
    }
  }
}

}  // namespace

Problem Case::make(std::uint64_t seed) const {
  Problem problem(std::hash<std::string>{}(kernel + '/' + label) + seed, is_timed(purpose));
  build(problem);
  return problem;
}

Result<PipelinePtr> pipeline_for(const Case& test, const Problem& problem, KernelRegistry& registry,
                                 const Device& device) {
  if (problem.constants().empty()) return registry.get_pipeline(test.kernel, device);
  return registry.get_pipeline_with_constants(test.kernel, device, std::span(problem.constants()));
}

Outcome run(const Case& test, KernelRegistry& registry, const Device& device, std::uint64_t seed,
            Placements placements) {
  return run(test, test.make(seed), registry, device, placements);
}

Outcome run(const Case& test, const Problem& problem, KernelRegistry& registry, const Device& device,
            Placements placements) {
  Outcome outcome;
  const auto pipeline = pipeline_for(test, problem, registry, device);
  if (!pipeline) {
    outcome.unsupported = pipeline.error().code() == ErrorCode::UnsupportedByDevice;
    if (!outcome.unsupported) outcome.failures.push_back(pipeline.error().message());
    return outcome;
  }

  compare_layouts(problem, **pipeline, outcome.failures);
  const auto first = run_once(problem, *pipeline, device, placements.front(), outcome.failures);
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
      outcome.accuracy.push_back(compare(operand, (*first)[i], outcome.failures));
    }
  }

  for (const Placement placement : placements.subspan(1)) {
    const auto again = run_once(problem, *pipeline, device, placement, outcome.failures);
    if (!again) {
      outcome.failures.push_back("at other addresses: " + again.error().message());
    } else if (*first != *again) {
      outcome.failures.push_back("a run with other addresses gave other bits");
    }
  }
  return outcome;
}

}  // namespace anymetal::cases
