#pragma once
/// \file
/// The threads that run threadgroups.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace anymetal::device::cpu {

/// A fixed set of threads that wait spinning for some microseconds after a job, then sleep.
///
/// Thread contract: one thread at a time calls run().
class ThreadPool {
 public:
  /// Does items `first` up to `last`; `worker` is below threads() and never used by two threads at once.
  using Body = std::function<void(unsigned worker, std::uint64_t first, std::uint64_t last)>;

  /// `threads` includes the thread that calls run().
  explicit ThreadPool(unsigned threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] unsigned threads() const { return static_cast<unsigned>(shares_.size()); }

  /// Calls `body` for chunks of items 0 up to `count` on all threads and waits. Each thread starts with its own share
  /// of the items and then helps the others; a thread that wakes too late is not waited for.
  void run(std::uint64_t count, const Body& body);

 private:
  /// One thread's share of the items; padded so that threads do not write to one cache line.
  struct alignas(128) Share {
    std::atomic<std::uint64_t> next = 0;
    std::uint64_t end = 0;
  };

  void work(unsigned worker);
  void wait_and_work(unsigned worker);

  std::vector<Share> shares_;
  const Body* body_ = nullptr;
  std::uint64_t chunk_ = 1;
  alignas(128) std::atomic<std::uint32_t> generation_ = 0;  ///< changes when there is a new job
  alignas(128) std::atomic<std::uint32_t> members_ = 0;     ///< threads in the job, and whether more may join
  std::atomic<bool> stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace anymetal::device::cpu
