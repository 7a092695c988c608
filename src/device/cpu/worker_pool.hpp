#pragma once
/// \file
/// The threads that run threadgroups.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "device/cpu/parking.hpp"

namespace anymetal::device::cpu {

/// Lets at most so many threads work at once, whoever they are: those that handed work in, and workers of its own that
/// take the seats they leave free. Who works has a seat, a number below threads() that is nobody else's meanwhile.
///
/// Thread contract: safe from any thread.
class WorkerPool {
 public:
  struct Work {
    std::function<bool(unsigned seat)> step;  ///< does one piece; false where there is none now
    std::function<bool()> for_workers;        ///< whether there is a piece for which a sleeping worker should wake
    std::function<bool()> any;                ///< whether there is any piece
  };

  /// `parking` is told by `work` where there is more to do. `threads` of 0 counts as 1. Where the system gives fewer threads
  /// than that, there are fewer workers.
  WorkerPool(unsigned threads, Parkings& parking, Work work);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  [[nodiscard]] unsigned threads() const { return static_cast<unsigned>(taken_.size()); }

  /// The lowest free seat. Workers make room; waits where all seats are held by threads like the caller.
  unsigned take_seat();
  void leave_seat(unsigned seat);
  /// Works until `done()`, asleep where others do all that is left.
  void work_until(unsigned seat, const std::function<bool()>& done);

 private:
  static constexpr unsigned kNoSeat = ~0u;

  unsigned take_worker_seat();
  [[nodiscard]] bool has_worker_seat();
  void run_worker();

  Parkings& parking_;
  const Work work_;
  std::mutex mutex_;  ///< guards the seats
  std::condition_variable seat_left_;
  std::vector<bool> taken_;
  std::size_t free_;
  std::atomic<unsigned> waiting_ = 0;  ///< threads that want a seat and got none
  std::atomic<bool> stopping_ = false;
  std::vector<std::jthread> workers_;
};

}  // namespace anymetal::device::cpu
