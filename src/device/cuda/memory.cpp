#include "device/cuda/memory.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace anymetal::device::cuda {

Result<std::shared_ptr<DeviceMemory>> DeviceMemory::allocate_uncleared(std::shared_ptr<Context> context, std::size_t bytes) {
  if (auto usable = context->usable(); !usable) return std::unexpected(usable.error());
  const Context::Scope scope(*context);
  const auto& driver = context->driver();
  CUdeviceptr address = 0;
  const CUresult r = bytes > 0 ? driver.mem_alloc(&address, bytes) : kSuccess;
  if (r == kErrorOutOfMemory) {
    std::size_t free_bytes = 0;
    std::size_t total = 0;
    driver.mem_get_info(&free_bytes, &total);
    return fail(ErrorCode::OutOfMemory,
                fmt::format("{} has no room for {} bytes: {} of {} bytes are free", context->info().id, bytes, free_bytes, total));
  }
  if (auto done = context->check(r, "allocating device memory"); !done) return std::unexpected(done.error());
  return std::shared_ptr<DeviceMemory>(new DeviceMemory(std::move(context), address, bytes));
}

Result<std::shared_ptr<DeviceMemory>> DeviceMemory::allocate(std::shared_ptr<Context> context, std::size_t bytes) {
  auto memory = allocate_uncleared(context, bytes);
  if (!memory || bytes == 0) return memory;
  const Context::Scope scope(*context);
  const std::lock_guard lock(context->submit_mutex());
  const CUresult r = context->driver().memset_d8_async((*memory)->address(), 0, bytes, context->stream());
  if (auto done = context->check(r, "clearing device memory"); !done) return std::unexpected(done.error());
  return memory;
}

DeviceMemory::~DeviceMemory() {
  if (address_ == 0) return;
  const Context::Scope scope(*context_);
  context_->driver().mem_free(address_);
}

Result<void> DeviceMemory::write(std::span<const std::byte> bytes, std::size_t offset) {
  if (bytes.empty()) return {};
  if (auto usable = context_->usable(); !usable) return usable;
  const Context::Scope scope(*context_);
  const std::lock_guard lock(context_->submit_mutex());
  if (auto done = context_->check(context_->driver().memcpy_htod_async(address_ + offset, bytes.data(), bytes.size(), context_->stream()),
                                  "copying to device memory"); !done) {
    return done;
  }
  return context_->check(context_->driver().stream_synchronize(context_->stream()), "copying to device memory");
}

Result<void> DeviceMemory::read(std::span<std::byte> bytes, std::size_t offset) const {
  if (bytes.empty()) return {};
  if (auto usable = context_->usable(); !usable) return usable;
  const Context::Scope scope(*context_);
  const std::lock_guard lock(context_->submit_mutex());
  if (auto done = context_->check(context_->driver().memcpy_dtoh_async(bytes.data(), address_ + offset, bytes.size(), context_->stream()),
                                  "copying from device memory"); !done) {
    return done;
  }
  return context_->check(context_->driver().stream_synchronize(context_->stream()), "copying from device memory");
}

PinnedBuffer::~PinnedBuffer() {
  if (data_ == nullptr) return;
  const Context::Scope scope(*context_);
  context_->driver().mem_free_host(data_);
}

Result<std::byte*> PinnedBuffer::reserve(std::size_t bytes) {
  if (bytes <= size_) return data_;
  const Context::Scope scope(*context_);
  const std::size_t wanted = std::max<std::size_t>({bytes, 2 * size_, 64 * 1024});
  void* grown = nullptr;
  if (auto done = context_->check(context_->driver().mem_alloc_host(&grown, wanted), "allocating pinned host memory"); !done) {
    return std::unexpected(done.error());
  }
  if (data_ != nullptr) context_->driver().mem_free_host(data_);
  data_ = static_cast<std::byte*>(grown);
  size_ = wanted;
  return data_;
}

}  // namespace anymetal::device::cuda
