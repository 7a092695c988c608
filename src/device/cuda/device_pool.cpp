#include "device/cuda/device_pool.hpp"

#include <algorithm>
#include <bit>

namespace anymetal::device::cuda {

namespace {

constexpr std::size_t kSmallest = 512;

std::size_t size_class(std::size_t bytes) {
  const std::size_t step = std::max(kSmallest, std::bit_ceil(bytes) / 16);
  return (bytes + step - 1) / step * step;
}

}  // namespace

std::expected<DeviceBlock, CUresult> DevicePool::take(std::size_t bytes) {
  const std::size_t wanted = size_class(bytes);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = free_.find(wanted); found != free_.end() && !found->second.empty()) {
      DeviceBlock block = found->second.back();
      found->second.pop_back();
      kept_bytes_ -= block.bytes;
      return block;
    }
  }
  DeviceBlock block{0, wanted, {}};
  CUresult r = driver_.mem_alloc(&block.address, wanted);
  if (r == kErrorOutOfMemory) {
    trim();
    r = driver_.mem_alloc(&block.address, wanted);
  }
  if (r != kSuccess) return std::unexpected(r);
  return block;
}

void DevicePool::give_back(const DeviceBlock& block) {
  {
    const std::lock_guard lock(mutex_);
    if (block.bytes <= keep_bytes_ - std::min(keep_bytes_, kept_bytes_)) {
      free_[block.bytes].push_back(block);
      kept_bytes_ += block.bytes;
      return;
    }
  }
  driver_.mem_free(block.address);
}

void DevicePool::trim() {
  const std::lock_guard lock(mutex_);
  for (const auto& [bytes, blocks] : free_) {
    for (const auto& block : blocks) driver_.mem_free(block.address);
  }
  free_.clear();
  kept_bytes_ = 0;
}

}  // namespace anymetal::device::cuda
