#include "cases/bound_problem.hpp"

#include <algorithm>

namespace anymetal::cases {
namespace {

constexpr std::size_t kGuardBytes = 256;
constexpr std::byte kGuard{0xa5};
constexpr std::byte kPoison{0xff};  // NaN in every float type

}  // namespace

Result<BoundProblem> BoundProblem::make(const Problem& problem, const Device& device, Placement placement) {
  BoundProblem bound;
  bound.problem_ = &problem;
  for (const Operand& operand : problem.operands()) {
    const std::size_t shift = placement == Placement::Misaligned ? operand.alignment : 0;
    const std::size_t bytes = ops::bytes_of(operand.dtype, operand.elements);
    std::vector<std::byte> image(kGuardBytes + shift + bytes + kGuardBytes, kGuard);
    const auto place = image.begin() + static_cast<std::ptrdiff_t>(kGuardBytes + shift);
    if (operand.content.empty()) {
      std::fill_n(place, bytes, kPoison);
    } else {
      std::ranges::copy(operand.content, place);
    }
    auto buffer = Device(device).make_buffer(image.size());
    if (!buffer) return std::unexpected(buffer.error());
    if (auto written = buffer->write(image); !written) return std::unexpected(written.error());
    bound.placed_.push_back({*std::move(buffer), kGuardBytes + shift, bytes});
  }
  return bound;
}

void BoundProblem::encode(CommandEncoder& encoder, const PipelinePtr& pipeline) const {
  encoder.set_pipeline(pipeline);
  for (std::size_t i = 0; i < placed_.size(); ++i) {
    encoder.set_buffer(problem_->operands()[i].index, placed_[i].buffer, placed_[i].offset);
  }
  for (const auto& bytes : problem_->bytes()) encoder.set_bytes(bytes.index, bytes.content);
  for (const auto& [index, length] : problem_->threadgroup_memory())
    encoder.set_threadgroup_memory_length(index, length);
  if (problem_->grid_in_threads()) {
    encoder.dispatch_threads(problem_->grid(), problem_->group());
  } else {
    encoder.dispatch_threadgroups(problem_->grid(), problem_->group());
  }
}

Result<std::vector<std::byte>> BoundProblem::content(std::size_t position) const {
  std::vector<std::byte> bytes(placed_[position].bytes);
  if (auto done = placed_[position].buffer.read(bytes, placed_[position].offset); !done)
    return std::unexpected(done.error());
  return bytes;
}

Result<bool> BoundProblem::guards_intact(std::size_t position) const {
  const Placed& placed = placed_[position];
  std::vector<std::byte> before(placed.offset), after(kGuardBytes);
  if (auto done = placed.buffer.read(before, 0); !done) return std::unexpected(done.error());
  if (auto done = placed.buffer.read(after, placed.offset + placed.bytes); !done) return std::unexpected(done.error());
  const auto untouched = [](std::byte b) { return b == kGuard; };
  return std::ranges::all_of(before, untouched) && std::ranges::all_of(after, untouched);
}

}  // namespace anymetal::cases
