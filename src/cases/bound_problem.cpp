#include "cases/bound_problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "runtime/buffer_state.hpp"

namespace anymetal::cases {
namespace {

constexpr std::size_t kGuardBytes = 256;
constexpr std::byte kGuard{0xa5};
constexpr std::byte kPoison{0xff};  // NaN in every float type

bool has_guarded_pages(Placement p) { return p == Placement::EndsAtPage || p == Placement::StartsAtPage; }

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

/// A buffer over all of the memory that the device may write.
Result<Buffer> buffer_over(const std::shared_ptr<GuardedMemory>& guarded, const Device& device) {
  if (device.info().id != "cpu") return fail(ErrorCode::InvalidArgument, "only the CPU device has inaccessible pages");
  auto memory = device.backend()->wrap(guarded->pages(), guarded);
  if (!memory) return std::unexpected(memory.error());
  return Buffer(std::make_shared<const detail::BufferState>(device.backend(), *std::move(memory), true));
}

}  // namespace

Result<BoundProblem::Placed> BoundProblem::place(const Operand& operand, Device device, Placement placement) {
  Placed placed;
  placed.index = operand.index;
  placed.bytes = ops::bytes_of(operand.dtype, operand.elements);
  const auto fill = [&](std::span<std::byte> all) {
    std::ranges::fill(all, kGuard);
    const auto own = all.subspan(placed.offset, placed.bytes);
    if (operand.content.empty()) {
      std::ranges::fill(own, kPoison);
    } else {
      std::ranges::copy(operand.content, own.begin());
    }
  };
  Result<Buffer> buffer;
  if (has_guarded_pages(placement)) {
    auto guarded = GuardedMemory::make(placed.bytes);
    if (!guarded) return std::unexpected(guarded.error());
    placed.guarded = *std::move(guarded);
    const auto pages = placed.guarded->pages();
    if (placement == Placement::EndsAtPage) {
      placed.offset = (pages.size() - placed.bytes) / operand.alignment * operand.alignment;
    }
    fill(pages);
    buffer = buffer_over(placed.guarded, device);
  } else {
    placed.offset = kGuardBytes + (placement == Placement::Misaligned ? operand.alignment : 0);
    std::vector<std::byte> image(placed.offset + placed.bytes + kGuardBytes);
    fill(image);
    buffer = device.make_buffer(image.size());
    if (buffer) {
      if (auto written = buffer->write(image); !written) return std::unexpected(written.error());
    }
  }
  if (!buffer) return std::unexpected(buffer.error());
  placed.buffer = *std::move(buffer);
  return placed;
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
    for (const Placed& placed : *list) encoder.set_buffer(placed.index, placed.buffer, placed.offset);
  }
  for (const auto& [index, position] : problem_->aliases()) {
    encoder.set_buffer(index, placed_[position].buffer, placed_[position].offset);
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
  std::vector<std::byte> bytes(placed_[position].bytes);
  if (auto done = placed_[position].buffer.read(bytes, placed_[position].offset); !done)
    return std::unexpected(done.error());
  return bytes;
}

Result<std::vector<std::string>> BoundProblem::overruns() const {
  std::vector<std::string> lines;
  for (const auto* list : {&placed_, &constants_}) {
    for (const Placed& placed : *list) {
      std::vector<std::byte> all(placed.buffer.size());
      if (auto done = placed.buffer.read(all); !done) return std::unexpected(done.error());
      const auto own = all.begin() + static_cast<std::ptrdiff_t>(placed.offset);
      const auto changed = [](std::byte b) { return b != kGuard; };
      if (std::any_of(all.begin(), own, changed) ||
          std::any_of(own + static_cast<std::ptrdiff_t>(placed.bytes), all.end(), changed)) {
        lines.push_back(fmt::format("buffer {}: bytes outside it were written", placed.index));
      }
      const auto outside = placed.guarded == nullptr ? std::nullopt : placed.guarded->access_outside();
      if (!outside) continue;
      const std::ptrdiff_t offset = *outside - static_cast<std::ptrdiff_t>(placed.offset);
      const auto bytes = static_cast<std::ptrdiff_t>(placed.bytes);
      lines.push_back(offset < 0
                          ? fmt::format("buffer {}: accessed {} bytes before its start", placed.index, -offset)
                          : fmt::format("buffer {}: accessed {} bytes past its end", placed.index, offset - bytes));
    }
  }
  return lines;
}

}  // namespace anymetal::cases
