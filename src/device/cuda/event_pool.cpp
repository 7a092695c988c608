#include "device/cuda/event_pool.hpp"

namespace anymetal::device::cuda {

Result<CUevent> EventPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      CUevent event = free_.back();
      free_.pop_back();
      return event;
    }
  }
  CUevent event = nullptr;
  const CUresult r = driver_.event_create(&event, kEventDisableTiming);
  if (auto done = check_(r, "creating an event"); !done) return std::unexpected(done.error());
  return event;
}

void EventPool::give_back(CUevent event) {
  const std::lock_guard lock(mutex_);
  free_.push_back(event);
}

void EventPool::close() {
  const std::lock_guard lock(mutex_);
  for (CUevent event : free_) driver_.event_destroy(event);
  free_.clear();
}

}  // namespace anymetal::device::cuda
