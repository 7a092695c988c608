#include "device/cpu/worker_pool.hpp"

#include <algorithm>
#include <exception>

namespace anymetal::device::cpu {

WorkerPool::WorkerPool(unsigned threads, Parkings& parking, Work work)
    : parking_(parking), work_(std::move(work)), taken_(std::max(1u, threads)), free_(taken_.size()) {
  try {
    for (std::size_t i = 1; i < taken_.size(); ++i) workers_.emplace_back([this] { run_worker(); });
  } catch (const std::exception&) {  // the system gives no more: those there are, and those who hand work in, do it
  }
}

WorkerPool::~WorkerPool() {
  stopping_.store(true);
  parking_.workers.wake();
}

unsigned WorkerPool::take_seat() {
  std::unique_lock lock(mutex_);
  if (free_ == 0) {
    waiting_.fetch_add(1);
    seat_left_.wait(lock, [this] { return free_ != 0; });
    waiting_.fetch_sub(1);
  }
  const auto seat = std::ranges::find(taken_, false);
  *seat = true;
  --free_;
  return static_cast<unsigned>(seat - taken_.begin());
}

/// From the other end: threads that hand work in find the same seat, and its warm memory, again.
unsigned WorkerPool::take_worker_seat() {
  const std::scoped_lock lock(mutex_);
  if (free_ <= waiting_.load()) return kNoSeat;
  auto seat = static_cast<unsigned>(taken_.size()) - 1;
  while (taken_[seat]) --seat;
  taken_[seat] = true;
  --free_;
  return seat;
}

bool WorkerPool::has_worker_seat() {
  const std::scoped_lock lock(mutex_);
  return free_ > waiting_.load();
}

void WorkerPool::leave_seat(unsigned seat) {
  {
    const std::scoped_lock lock(mutex_);
    taken_[seat] = false;
    ++free_;
    if (waiting_.load() != 0) seat_left_.notify_one();
  }
  // Whoever sleeps may have counted on this thread for what is left.
  if (parking_.has_sleepers() && work_.any()) parking_.wake();
}

void WorkerPool::work_until(unsigned seat, const std::function<bool()>& done) {
  Idle idle;
  while (true) {
    if (work_.step(seat)) {
      idle.reset();
    } else if (done()) {
      return;
    } else if (idle.is_long()) {
      parking_.hosts.sleep_unless([&] { return done() || work_.any(); });
      idle.reset();
    }
  }
}

void WorkerPool::run_worker() {
  const auto stopping = [this] { return stopping_.load(); };
  while (!stopping()) {
    if (const auto seat = take_worker_seat(); seat != kNoSeat) {
      Idle idle;
      while (!stopping() && waiting_.load(std::memory_order_relaxed) == 0) {
        if (work_.step(seat)) {
          idle.reset();
        } else if (idle.is_long()) {
          break;
        }
      }
      leave_seat(seat);
    }
    parking_.workers.sleep_unless([&] { return stopping() || (work_.for_workers() && has_worker_seat()); });
  }
}

}  // namespace anymetal::device::cpu
