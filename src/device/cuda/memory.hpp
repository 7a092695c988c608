#pragma once
/// \file
/// Buffers in GPU memory.

#include "device/backend.hpp"
#include "device/cuda/context.hpp"

#include <memory>
#include <span>

namespace anymetal::device::cuda {

/// One range of GPU memory. Copies go through pinned memory: a write returns once the host's bytes are taken over, a read
/// waits for the work that wrote the memory and for nothing else. Thread contract: as device::Memory.
class DeviceMemory final : public Memory {
 public:
  /// Zero-filled. OutOfMemory names what was asked for and what is free.
  static Result<std::shared_ptr<DeviceMemory>> allocate(std::shared_ptr<Context> context, std::size_t bytes);
  /// The same without clearing: for memory that is written at once.
  static Result<std::shared_ptr<DeviceMemory>> allocate_uncleared(std::shared_ptr<Context> context, std::size_t bytes);
  ~DeviceMemory() override;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  [[nodiscard]] std::size_t size() const override { return size_; }
  [[nodiscard]] std::byte* contents() override { return nullptr; }
  Result<void> write(std::span<const std::byte> bytes, std::size_t offset) override;
  Result<void> read(std::span<std::byte> bytes, std::size_t offset) const override;
  Result<std::shared_ptr<Work>> read_later(std::span<std::byte> bytes, std::size_t offset) const override;
  [[nodiscard]] CUdeviceptr address() const { return block_.address; }
  /// Under the context's submit mutex.
  [[nodiscard]] Hazards& hazards() const { return block_.hazards; }

 private:
  DeviceMemory(std::shared_ptr<Context> context, const DeviceBlock& block, std::size_t size)
      : context_(std::move(context)), block_(block), size_(size) {}
  struct Fetched {
    PinnedBlock block;  ///< its event follows the copy
    Moment moment;
  };
  Result<void> write_block(std::span<const std::byte> bytes, std::size_t offset);
  Result<Fetched> fetch_block(std::size_t bytes, std::size_t offset) const;
  Result<void> finish_fetch(const Fetched& fetched, std::span<std::byte> to) const;
  [[nodiscard]] unsigned stream_for(std::size_t bytes) const;

  std::shared_ptr<Context> context_;
  mutable DeviceBlock block_;  ///< a read is a use, too
  std::size_t size_;
};

}  // namespace anymetal::device::cuda
