#include "runtime/transfer.hpp"

#include <fmt/format.h>

#include "runtime/buffer_state.hpp"

namespace anymetal::detail {

namespace {

Result<void> check_range(const device::Backend& backend, std::string_view label, const TransferRange& range,
                         std::size_t bytes, bool is_written) {
  const std::string_view place = is_written ? "destination" : "source";
  if (!range.buffer)
    return fail(ErrorCode::InvalidBinding, fmt::format("{}: the {} is empty; no device made it", label, place));
  const BufferState& state = *range.buffer.state();
  if (state.backend.get() != &backend) {
    return fail(ErrorCode::InvalidBinding,
                fmt::format("{}: the {} belongs to {}, this encoder to {}; read it there and write it here", label,
                            place, state.backend->info().id, backend.info().id));
  }
  if (is_written && !state.writable) {
    return fail(ErrorCode::InvalidBinding, fmt::format("{}: the {} is a wrapped, read-only buffer", label, place));
  }
  const std::size_t size = state.memory->size();
  if (range.offset <= size && bytes <= size - range.offset) return {};
  return fail(ErrorCode::InvalidArgument, fmt::format("{}: {} bytes at offset {} of the {}, which has {} bytes", label,
                                                      bytes, range.offset, place, size));
}

bool overlap(const TransferRange& a, const TransferRange& b, std::size_t bytes) {
  return a.buffer.state()->memory == b.buffer.state()->memory && a.offset < b.offset + bytes &&
         b.offset < a.offset + bytes;
}

}  // namespace

Result<void> bind_transfer(const device::Backend& backend, std::string_view label,
                           std::span<const TransferRange> ranges, std::size_t bytes, device::CommandList& list) {
  for (const auto& range : ranges) {
    if (auto ok = check_range(backend, label, range, bytes, &range == &ranges.front()); !ok) return ok;
  }
  if (bytes == 0) return {};
  if (ranges.size() == 2 && overlap(ranges[0], ranges[1], bytes)) {
    return fail(ErrorCode::InvalidArgument,
                fmt::format("{}: {} bytes from offset {} to offset {} of one buffer overlap", label, bytes,
                            ranges[1].offset, ranges[0].offset));
  }
  for (const auto& range : ranges) {
    const auto& state = range.buffer.state();
    list.arguments.push_back({device::BoundArgument::Kind::Buffer, state->memory.get(), range.offset, bytes, 0});
    list.keep_alive.push_back(state);
  }
  return {};
}

}  // namespace anymetal::detail
