#include "device/cuda/pinned_pool.hpp"

namespace anymetal::device::cuda {

Result<PinnedBlock> PinnedPool::take() {
  const std::lock_guard lock(mutex_);
  while (!in_use_.empty()) {
    const PinnedBlock oldest = in_use_.front();
    CUresult r = driver_.event_query(oldest.event);
    if (r == kErrorNotReady) {
      if (in_use_.size() < kMostInUse) break;
      r = driver_.event_synchronize(oldest.event);
    }
    if (auto done = check_(r, "waiting for a copy"); !done) return std::unexpected(done.error());
    in_use_.pop_front();
    free_.push_back(oldest);
  }
  if (free_.empty()) return make();
  const PinnedBlock block = free_.back();
  free_.pop_back();
  return block;
}

Result<PinnedBlock> PinnedPool::make() {
  PinnedBlock block;
  void* data = nullptr;
  CUresult r = driver_.mem_alloc_host(&data, kBlockBytes);
  if (auto done = check_(r, "allocating pinned host memory"); !done) return std::unexpected(done.error());
  block.data = static_cast<std::byte*>(data);
  r = driver_.event_create(&block.event, kEventDisableTiming);
  if (auto done = check_(r, "creating an event"); !done) {
    driver_.mem_free_host(data);
    return std::unexpected(done.error());
  }
  return block;
}

void PinnedPool::give_back_later(PinnedBlock block) {
  const std::lock_guard lock(mutex_);
  in_use_.push_back(block);
}

void PinnedPool::give_back(PinnedBlock block) {
  const std::lock_guard lock(mutex_);
  free_.push_back(block);
}

void PinnedPool::close() {
  const std::lock_guard lock(mutex_);
  for (const auto& block : in_use_) free_.push_back(block);
  in_use_.clear();
  for (const auto& block : free_) {
    driver_.event_destroy(block.event);
    driver_.mem_free_host(block.data);
  }
  free_.clear();
}

}  // namespace anymetal::device::cuda
