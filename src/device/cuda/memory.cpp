#include "device/cuda/memory.hpp"

#include "device/cuda/submission.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>

namespace anymetal::device::cuda {

namespace {

/// Copies up to this size go where the work before them ran: changing streams would take longer than the copy.
constexpr std::size_t kSmallCopy = 64 * 1024;

/// Gives a block back once the copy from or to it has passed.
struct PinnedHold {
  std::shared_ptr<Context> context;
  PinnedBlock block;
  PinnedHold(std::shared_ptr<Context> owner, PinnedBlock held) : context(std::move(owner)), block(held) {}
  ~PinnedHold() { context->pinned().give_back_later(block); }
  PinnedHold(const PinnedHold&) = delete;
  PinnedHold& operator=(const PinnedHold&) = delete;
};

}  // namespace

Result<std::shared_ptr<DeviceMemory>> DeviceMemory::allocate_uncleared(std::shared_ptr<Context> context, std::size_t bytes) {
  if (auto usable = context->usable(); !usable) return std::unexpected(usable.error());
  if (bytes == 0) return std::shared_ptr<DeviceMemory>(new DeviceMemory(std::move(context), {}, 0));
  const Context::Scope scope(*context);
  const auto block = context->memory().take(bytes);
  if (block) return std::shared_ptr<DeviceMemory>(new DeviceMemory(std::move(context), *block, bytes));
  if (block.error() == kErrorOutOfMemory) {
    std::size_t free_bytes = 0;
    std::size_t total = 0;
    context->driver().mem_get_info(&free_bytes, &total);
    return fail(ErrorCode::OutOfMemory,
                fmt::format("{} has no room for {} bytes: {} of {} bytes are free", context->info().id, bytes, free_bytes, total));
  }
  return std::unexpected(context->check(block.error(), "allocating device memory").error());
}

Result<std::shared_ptr<DeviceMemory>> DeviceMemory::allocate(std::shared_ptr<Context> context, std::size_t bytes) {
  auto memory = allocate_uncleared(context, bytes);
  if (!memory || bytes == 0) return memory;
  const Context::Scope scope(*context);
  const std::lock_guard lock(context->submit_mutex());
  auto& streams = context->streams();
  auto& hazards = (*memory)->hazards();
  const unsigned stream = (*memory)->stream_for(0);
  if (auto done = streams.order(stream, hazards, Access::ReadWrite); !done) return std::unexpected(done.error());
  const CUresult r = context->driver().memset_d8_async((*memory)->address(), 0, bytes, streams.handle(stream));
  if (auto done = context->check(r, "clearing device memory"); !done) return std::unexpected(done.error());
  streams.advance(stream);
  streams.mark(stream, hazards, Access::ReadWrite);
  return memory;
}

DeviceMemory::~DeviceMemory() {
  if (block_.address == 0) return;
  const Context::Scope scope(*context_);
  context_->memory().give_back(block_);
}

unsigned DeviceMemory::stream_for(std::size_t bytes) const {
  if (bytes > kSmallCopy) return kCopyStream;
  const Hazards* own = &block_.hazards;
  return context_->streams().choose({&own, 1});
}

Result<void> DeviceMemory::write_block(std::span<const std::byte> bytes, std::size_t offset) {
  auto block = context_->pinned().take();
  if (!block) return std::unexpected(block.error());
  std::memcpy(block->data, bytes.data(), bytes.size());
  const PinnedHold hold(context_, *block);
  const std::lock_guard lock(context_->submit_mutex());
  auto& streams = context_->streams();
  const unsigned stream = stream_for(bytes.size());
  if (auto done = streams.order(stream, hazards(), Access::ReadWrite); !done) return done;
  CUresult r = context_->driver().memcpy_htod_async(address() + offset, block->data, bytes.size(), streams.handle(stream));
  if (auto done = context_->check(r, "copying to device memory"); !done) return done;
  streams.advance(stream);
  streams.mark(stream, hazards(), Access::ReadWrite);
  r = context_->driver().event_record(block->event, streams.handle(stream));
  return context_->check(r, "recording an event");
}

Result<void> DeviceMemory::write(std::span<const std::byte> bytes, std::size_t offset) {
  if (auto usable = context_->usable(); !usable) return usable;
  const Context::Scope scope(*context_);
  for (std::size_t start = 0; start < bytes.size(); start += PinnedPool::kBlockBytes) {
    const auto part = bytes.subspan(start, std::min(PinnedPool::kBlockBytes, bytes.size() - start));
    if (auto done = write_block(part, offset + start); !done) return done;
  }
  return {};
}

Result<DeviceMemory::Fetched> DeviceMemory::fetch_block(std::size_t bytes, std::size_t offset) const {
  auto block = context_->pinned().take();
  if (!block) return std::unexpected(block.error());
  const std::lock_guard lock(context_->submit_mutex());
  auto& streams = context_->streams();
  const unsigned stream = stream_for(bytes);
  auto done = streams.order(stream, hazards(), Access::Read);
  if (done) {
    const CUresult r = context_->driver().memcpy_dtoh_async(block->data, address() + offset, bytes, streams.handle(stream));
    done = context_->check(r, "copying from device memory");
  }
  if (done) {
    streams.advance(stream);
    streams.mark(stream, hazards(), Access::Read);
    done = context_->check(context_->driver().event_record(block->event, streams.handle(stream)), "recording an event");
  }
  if (done) return Fetched{*block, streams.latest(stream)};
  context_->pinned().give_back_later(*block);
  return std::unexpected(done.error());
}

Result<void> DeviceMemory::finish_fetch(const Fetched& fetched, std::span<std::byte> to) const {
  const CUresult r = context_->driver().event_synchronize(fetched.block.event);
  if (r == kSuccess) {
    std::memcpy(to.data(), fetched.block.data, to.size());
    const std::lock_guard lock(context_->submit_mutex());
    context_->streams().note_finished(fetched.moment);
  }
  context_->pinned().give_back_later(fetched.block);
  return context_->check(r, "copying from device memory");
}

Result<void> DeviceMemory::read(std::span<std::byte> bytes, std::size_t offset) const {
  if (auto usable = context_->usable(); !usable) return usable;
  const Context::Scope scope(*context_);
  struct Pending {
    Fetched fetched;
    std::span<std::byte> to;
  };
  std::deque<Pending> pending;
  Result<void> outcome;
  for (std::size_t start = 0; start < bytes.size() && outcome; start += PinnedPool::kBlockBytes) {
    const auto part = bytes.subspan(start, std::min(PinnedPool::kBlockBytes, bytes.size() - start));
    auto fetched = fetch_block(part.size(), offset + start);
    if (!fetched) {
      outcome = std::unexpected(fetched.error());
      break;
    }
    pending.push_back({*fetched, part});
    if (pending.size() < 3) continue;  // the host copies one block while the GPU fills others
    outcome = finish_fetch(pending.front().fetched, pending.front().to);
    pending.pop_front();
  }
  for (const auto& each : pending) {
    auto done = finish_fetch(each.fetched, each.to);
    if (outcome) outcome = std::move(done);
  }
  return outcome;
}

Result<std::shared_ptr<Work>> DeviceMemory::read_later(std::span<std::byte> bytes, std::size_t offset) const {
  if (auto usable = context_->usable(); !usable) return std::unexpected(usable.error());
  const Context::Scope scope(*context_);
  auto work = std::make_shared<Submission>(context_, [] { return std::string("a copy from device memory"); });
  std::vector<std::shared_ptr<const PinnedHold>> blocks;
  Result<void> outcome;
  for (std::size_t start = 0; start < bytes.size() && outcome; start += PinnedPool::kBlockBytes) {
    auto fetched = fetch_block(std::min(PinnedPool::kBlockBytes, bytes.size() - start), offset + start);
    if (!fetched) return std::unexpected(fetched.error());
    blocks.push_back(std::make_shared<const PinnedHold>(context_, fetched->block));
    const std::lock_guard lock(context_->submit_mutex());
    outcome = work->close(fetched->moment.stream);
  }
  if (!outcome) return std::unexpected(outcome.error());
  work->then([bytes, blocks = std::move(blocks)] {
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const auto part = bytes.subspan(i * PinnedPool::kBlockBytes);
      std::memcpy(part.data(), blocks[i]->block.data, std::min(part.size(), PinnedPool::kBlockBytes));
    }
  });
  return work;
}

}  // namespace anymetal::device::cuda
