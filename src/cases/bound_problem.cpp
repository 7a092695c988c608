#include "cases/bound_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace anymetal::cases {
namespace {

/// Bytes for a `constant` argument as an operand: a structure's size is a multiple of its alignment.
Operand as_operand(const Problem::Bytes& bytes) {
  Operand operand;
  operand.index = bytes.index;
  operand.dtype = DType::U8;
  operand.elements = bytes.content.size();
  operand.alignment = std::size_t{1} << std::min(std::countr_zero(bytes.content.size()), 4);
  operand.content = bytes.content;
  return operand;
}

}  // namespace

Result<BoundProblem::Placed> BoundProblem::place(const Operand& operand, const Device& device, Placement placement) {
  auto guarded = GuardedBuffer::make(device, {.bytes = ops::bytes_of(operand.dtype, operand.elements),
                                              .alignment = operand.alignment,
                                              .placement = placement,
                                              .content = operand.content});
  if (!guarded) return std::unexpected(guarded.error());
  return Placed{operand.index, *std::move(guarded)};
}

Result<BoundProblem> BoundProblem::make(const Problem& problem, const Device& device, Placement placement) {
  BoundProblem bound;
  bound.problem_ = &problem;
  for (const Operand& operand : problem.operands()) {
    auto placed = place(operand, device, placement);
    if (!placed) return std::unexpected(placed.error());
    bound.placed_.push_back(*std::move(placed));
  }
  if (!has_guarded_pages(placement)) return bound;
  for (const auto& bytes : problem.bytes()) {
    auto placed = place(as_operand(bytes), device, placement);
    if (!placed) return std::unexpected(placed.error());
    bound.constants_.push_back(*std::move(placed));
  }
  return bound;
}

void BoundProblem::encode(CommandEncoder& encoder, const PipelinePtr& pipeline) const {
  encoder.set_pipeline(pipeline);
  for (const auto* list : {&placed_, &constants_}) {
    for (const Placed& placed : *list)
      encoder.set_buffer(placed.index, placed.guarded.buffer(), placed.guarded.offset());
  }
  for (const auto& [index, position] : problem_->aliases()) {
    encoder.set_buffer(index, placed_[position].guarded.buffer(), placed_[position].guarded.offset());
  }
  if (constants_.empty()) {
    for (const auto& bytes : problem_->bytes()) encoder.set_bytes(bytes.index, bytes.content);
  }
  for (const auto& [index, length] : problem_->threadgroup_memory())
    encoder.set_threadgroup_memory_length(index, length);
  if (problem_->grid_in_threads()) {
    encoder.dispatch_threads(problem_->grid(), problem_->group());
  } else {
    encoder.dispatch_threadgroups(problem_->grid(), problem_->group());
  }
}

Result<std::vector<std::byte>> BoundProblem::content(std::size_t position) const {
  return placed_[position].guarded.content();
}

Result<std::vector<std::string>> BoundProblem::overruns() const {
  std::vector<std::string> lines;
  for (const auto* list : {&placed_, &constants_}) {
    for (const auto& [index, guarded] : *list) {
      const auto written = guarded.written_outside();
      if (!written) return std::unexpected(written.error());
      if (*written) lines.push_back(fmt::format("buffer {}: bytes outside it were written", index));
      const auto outside = guarded.accessed_outside();
      if (!outside) continue;
      const auto bytes = static_cast<std::ptrdiff_t>(guarded.bytes());
      lines.push_back(*outside < 0 ? fmt::format("buffer {}: accessed {} bytes before its start", index, -*outside)
                                   : fmt::format("buffer {}: accessed {} bytes past its end", index, *outside - bytes));
    }
  }
  return lines;
}

}  // namespace anymetal::cases
