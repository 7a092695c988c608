#include "cases/guarded_buffer.hpp"

#include <algorithm>

#include "runtime/buffer_state.hpp"

namespace anymetal::cases {
namespace {

constexpr std::size_t kGuardBytes = 256;
constexpr std::byte kGuard{0xa5};
constexpr std::byte kPoison{0xff};

/// A buffer over all of the memory that the device may write.
Result<Buffer> buffer_over(const std::shared_ptr<GuardedMemory>& guarded, const Device& device) {
  if (device.info().id != "cpu") return fail(ErrorCode::InvalidArgument, "only the CPU device has inaccessible pages");
  auto memory = device.backend()->wrap(guarded->pages(), guarded);
  if (!memory) return std::unexpected(memory.error());
  return Buffer(std::make_shared<const detail::BufferState>(device.backend(), *std::move(memory), true));
}

}  // namespace

Result<GuardedBuffer> GuardedBuffer::make(Device device, const GuardedBufferOptions& options) {
  GuardedBuffer made;
  made.bytes_ = options.bytes;
  Result<Buffer> buffer;
  if (has_guarded_pages(options.placement)) {
    auto guarded = GuardedMemory::make(made.bytes_, options.reach);
    if (!guarded) return std::unexpected(guarded.error());
    made.guarded_ = *std::move(guarded);
    if (options.placement == Placement::EndsAtPage) {
      made.offset_ = (made.guarded_->pages().size() - made.bytes_) / options.alignment * options.alignment;
    }
    buffer = buffer_over(made.guarded_, device);
  } else {
    made.offset_ = kGuardBytes + (options.placement == Placement::Misaligned ? options.alignment : 0);
    buffer = device.make_buffer(made.offset_ + made.bytes_ + kGuardBytes);
  }
  if (!buffer) return std::unexpected(buffer.error());
  made.buffer_ = *std::move(buffer);
  if (auto filled = made.fill(options.content); !filled) return std::unexpected(filled.error());
  return made;
}

Result<void> GuardedBuffer::fill(std::span<const std::byte> content) {
  const auto set = [&](std::size_t from, std::size_t count, std::byte value) -> Result<void> {
    if (guarded_ == nullptr) return buffer_.write(std::vector(count, value), from);
    std::ranges::fill(guarded_->pages().subspan(from, count), value);
    return {};
  };
  auto done = set(0, offset_, kGuard);
  if (done) done = set(offset_ + bytes_, buffer_.size() - offset_ - bytes_, kGuard);
  if (!done || bytes_ == 0) return done;
  if (content.empty()) return set(offset_, bytes_, kPoison);
  if (guarded_ == nullptr) return buffer_.write(content.first(bytes_), offset_);
  std::ranges::copy(content.first(bytes_), guarded_->pages().subspan(offset_).begin());
  return {};
}

Result<std::vector<std::byte>> GuardedBuffer::content() const {
  std::vector<std::byte> bytes(bytes_);
  if (auto done = buffer_.read(bytes, offset_); !done) return std::unexpected(done.error());
  return bytes;
}

Result<std::optional<std::ptrdiff_t>> GuardedBuffer::written_outside() const {
  const auto changed = [](std::byte b) { return b != kGuard; };
  const auto end = offset_ + bytes_;
  std::vector<std::byte> guard(buffer_.size() - end);
  if (auto done = buffer_.read(guard, end); !done) return std::unexpected(done.error());
  if (const auto after = std::ranges::find_if(guard, changed); after != guard.end())
    return static_cast<std::ptrdiff_t>(bytes_) + (after - guard.begin());
  guard.resize(offset_);
  if (auto done = buffer_.read(guard, 0); !done) return std::unexpected(done.error());
  if (const auto before = std::find_if(guard.rbegin(), guard.rend(), changed); before != guard.rend())
    return guard.rbegin() - before - 1;
  return std::nullopt;
}

std::optional<std::ptrdiff_t> GuardedBuffer::accessed_outside() const {
  const auto outside = guarded_ == nullptr ? std::nullopt : guarded_->access_outside();
  if (!outside) return std::nullopt;
  return *outside - static_cast<std::ptrdiff_t>(offset_);
}

}  // namespace anymetal::cases
