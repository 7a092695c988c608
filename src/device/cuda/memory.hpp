#pragma once
/// \file
/// Device memory, and the pinned host memory that copies go through.

#include "device/backend.hpp"
#include "device/cuda/context.hpp"

#include <memory>
#include <span>

namespace anymetal::device::cuda {

/// One range of GPU memory. Thread contract: as device::Memory.
class DeviceMemory final : public Memory {
 public:
  /// Zero-filled. OutOfMemory names what was asked for and what is free.
  static Result<std::shared_ptr<DeviceMemory>> allocate(std::shared_ptr<Context> context, std::size_t bytes);
  /// The same without clearing: for the runtime's own scratch memory.
  static Result<std::shared_ptr<DeviceMemory>> allocate_uncleared(std::shared_ptr<Context> context, std::size_t bytes);
  ~DeviceMemory() override;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  [[nodiscard]] std::size_t size() const override { return size_; }
  [[nodiscard]] std::byte* contents() override { return nullptr; }
  Result<void> write(std::span<const std::byte> bytes, std::size_t offset) override;
  Result<void> read(std::span<std::byte> bytes, std::size_t offset) const override;
  [[nodiscard]] CUdeviceptr address() const { return address_; }
  [[nodiscard]] const Context* context() const { return context_.get(); }

 private:
  DeviceMemory(std::shared_ptr<Context> context, CUdeviceptr address, std::size_t size)
      : context_(std::move(context)), address_(address), size_(size) {}
  std::shared_ptr<Context> context_;
  CUdeviceptr address_;
  std::size_t size_;
};

/// Page-locked host memory that grows on demand: copies from it are asynchronous. Thread contract: one thread at a time.
class PinnedBuffer {
 public:
  explicit PinnedBuffer(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  ~PinnedBuffer();
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  /// At least `bytes` bytes; earlier content is lost when it grows.
  Result<std::byte*> reserve(std::size_t bytes);

 private:
  std::shared_ptr<Context> context_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace anymetal::device::cuda
