#include "runtime/buffer_state.hpp"

#include "observe/trace.hpp"

#include <fmt/format.h>

namespace anymetal {

namespace {

Result<void> check_range(const Buffer& buffer, const char* verb, std::size_t count, std::size_t offset) {
  if (!buffer) return fail(ErrorCode::InvalidArgument, fmt::format("cannot {} a Buffer that no device made", verb));
  if (offset <= buffer.size() && count <= buffer.size() - offset) return {};
  return fail(ErrorCode::InvalidArgument, fmt::format("cannot {} {} bytes at offset {}: the buffer has {} bytes", verb, count,
                                                      offset, buffer.size()));
}

}  // namespace

std::size_t Buffer::size() const { return state_ ? state_->memory->size() : 0; }

Result<void> Buffer::write(std::span<const std::byte> bytes, std::size_t offset) {
  if (auto ok = check_range(*this, "write", bytes.size(), offset); !ok) return ok;
  if (!state_->writable) {
    return fail(ErrorCode::InvalidArgument, "cannot write to a wrapped buffer: it shows the caller's read-only memory");
  }
  const trace::Span span("copy", "to device");
  return state_->memory->write(bytes, offset);
}

Result<void> Buffer::read(std::span<std::byte> bytes, std::size_t offset) const {
  if (auto ok = check_range(*this, "read", bytes.size(), offset); !ok) return ok;
  const trace::Span span("copy", "from device");
  return state_->memory->read(bytes, offset);
}

Result<Submission> Buffer::read_async(std::span<std::byte> bytes, std::size_t offset) const {
  if (auto ok = check_range(*this, "read", bytes.size(), offset); !ok) return std::unexpected(ok.error());
  auto work = state_->memory->read_later(bytes, offset);
  if (!work) return std::unexpected(work.error());
  return Submission(state_->backend, *std::move(work));
}

std::byte* Buffer::contents() { return state_ ? state_->memory->contents() : nullptr; }
const std::byte* Buffer::contents() const { return state_ ? state_->memory->contents() : nullptr; }

}  // namespace anymetal
