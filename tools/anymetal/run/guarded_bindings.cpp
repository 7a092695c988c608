#include "run/guarded_bindings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace anymetal::cli {

namespace {

/// Kernels read arrays of scalars as vectors: buffers of every device begin where that is possible.
constexpr std::size_t kVectorAlignment = 16;
/// An index that went wrong lands near its buffer; address space costs nothing.
constexpr std::size_t kReach = std::size_t{1} << 30;

}  // namespace

const Argument* GuardedBindings::argument(unsigned index) const {
  const auto all = pipeline_->arguments();
  const auto found = std::ranges::find_if(
      all, [&](const Argument& a) { return a.kind == ArgumentKind::Buffer && a.index == index && a.active; });
  return found == all.end() ? nullptr : &*found;
}

std::unexpected<Error> GuardedBindings::misuse(unsigned index, const std::string& what) const {
  const Argument* const declared = argument(index);
  const auto name = declared == nullptr ? std::string() : fmt::format(" '{}'", declared->name);
  return fail(ErrorCode::InvalidBinding,
              fmt::format("kernel '{}', argument{} [[buffer({})]]: {}", pipeline_->label(), name, index, what));
}

Result<void> GuardedBindings::add(const Device& device, unsigned index, std::span<const std::byte> content,
                                  std::size_t offset, bool is_buffer) {
  if (offset > content.size()) {
    return misuse(index, fmt::format("offset {} is past the end of the buffer's {} bytes", offset, content.size()));
  }
  const Argument* const declared = argument(index);
  if (declared != nullptr && declared->is_reference && content.size() - offset < declared->element_size) {
    return misuse(index, fmt::format("{} bytes are given, '{}' has {}", content.size() - offset, declared->type,
                                     declared->element_size));
  }
  if (declared != nullptr && declared->element_alignment > 1 && offset % declared->element_alignment != 0) {
    return misuse(index, fmt::format("offset {} is not a multiple of {}, the alignment of '{}'", offset,
                                     declared->element_alignment, declared->type));
  }
  const bool has_pages = device.info().id == "cpu";
  auto guarded = cases::GuardedBuffer::make(
      device, {.bytes = content.size(),
               .alignment = std::max(kVectorAlignment, declared == nullptr ? 1 : declared->element_alignment),
               .placement = has_pages ? cases::Placement::EndsAtPage : cases::Placement::Aligned,
               .content = content,
               .reach = kReach});
  if (!guarded) return std::unexpected(guarded.error());
  bindings_.push_back({index, offset, is_buffer, *std::move(guarded)});
  return {};
}

Result<GuardedBindings> GuardedBindings::make(const Device& device, const ComputePipeline& pipeline,
                                              std::span<const BufferSpec> buffers, std::span<const BytesSpec> bytes) {
  GuardedBindings made;
  made.pipeline_ = &pipeline;
  made.by_value_ = bytes;
  for (const BufferSpec& spec : buffers) {
    auto added = made.add(device, spec.index, spec.content.data, spec.offset, true);
    if (!added) return std::unexpected(added.error());
  }
  if (device.info().id != "cpu") return made;
  for (const BytesSpec& spec : bytes) {
    const Argument* const declared = made.argument(spec.index);
    if (declared == nullptr || declared->access != Access::Read) continue;  // which the encoder refuses
    auto added = made.add(device, spec.index, spec.bytes, 0, false);
    if (!added) return std::unexpected(added.error());
  }
  return made;
}

void GuardedBindings::bind(CommandEncoder& encoder) const {
  for (const BytesSpec& spec : by_value_) encoder.set_bytes(spec.index, spec.bytes);
  for (const Binding& b : bindings_) encoder.set_buffer(b.index, b.guarded.buffer(), b.guarded.offset() + b.offset);
}

Result<void> GuardedBindings::check() const {
  for (const Binding& b : bindings_) {
    const auto has = fmt::format("the buffer has {} bytes", b.guarded.bytes());
    if (const auto accessed = b.guarded.accessed_outside())
      return misuse(b.index, fmt::format("{}, the kernel accessed byte {}", has, *accessed));
    const auto written = b.guarded.written_outside();
    if (!written) return std::unexpected(written.error());
    if (*written) return misuse(b.index, fmt::format("{}, the kernel wrote byte {}", has, **written));
  }
  return {};
}

Result<std::optional<std::vector<std::byte>>> GuardedBindings::content(unsigned index) const {
  for (const Binding& b : bindings_) {
    if (!b.is_buffer || b.index != index) continue;
    auto bytes = b.guarded.content();
    if (!bytes) return std::unexpected(bytes.error());
    return *std::move(bytes);
  }
  return std::nullopt;
}

}  // namespace anymetal::cli
