#pragma once
/// \file
/// How threads wait for work: spinning for a while, then asleep.

#include <atomic>
#include <chrono>
#include <cstdint>

namespace anymetal::device::cpu {

/// Counts how long a thread has found nothing to do. Thread contract: one thread.
class Idle {
 public:
  /// Waits for an instant; true once the thread has waited long enough to sleep.
  bool is_long() {
    for (unsigned i = 0; i < kPauses; ++i) pause();
    if (++rounds_ % kRoundsPerLook != 0) return false;
    const auto now = std::chrono::steady_clock::now();
    if (rounds_ == kRoundsPerLook) since_ = now;
    return now - since_ > kSpinTime;
  }
  void reset() { rounds_ = 0; }

 private:
  /// Longer than what a program does between two command lists of a model, shorter than anyone would notice: waking a
  /// sleeping thread takes tens of microseconds.
  static constexpr std::chrono::microseconds kSpinTime{300};
  static constexpr std::uint32_t kRoundsPerLook = 16;
  static constexpr unsigned kPauses =
      8;  ///< between two looks for work, which take cache lines from those who have some

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  std::uint32_t rounds_ = 0;
  std::chrono::steady_clock::time_point since_;
};

/// Where threads sleep. A thread that changes what others wait for, by a sequentially consistent store, calls wake()
/// afterwards: either it sees the sleeper here, or the sleeper saw the change before it slept.
/// Thread contract: safe from any thread.
class Parking {
 public:
  /// Sleeps unless `wanted()`; may return early. `wanted` reads what others change with sequential consistency.
  template <class Wanted>
  void sleep_unless(Wanted wanted) {
    sleepers_.fetch_add(1);
    const auto seen = generation_.load();
    if (!wanted()) generation_.wait(seen);
    sleepers_.fetch_sub(1);
  }
  [[nodiscard]] bool has_sleepers() const { return sleepers_.load() != 0; }
  void wake() {
    if (!has_sleepers()) return;
    generation_.fetch_add(1);
    generation_.notify_all();
  }

 private:
  alignas(128) std::atomic<std::uint32_t> generation_ = 0;
  std::atomic<std::uint32_t> sleepers_ = 0;
};

/// Apart, so that the end of a list, which only the thread that handed it in waits for, wakes no worker.
struct Parkings {
  Parking hosts;    ///< threads that handed work in
  Parking workers;

  [[nodiscard]] bool has_sleepers() const { return hosts.has_sleepers() || workers.has_sleepers(); }
  void wake() {
    hosts.wake();
    workers.wake();
  }
};

}  // namespace anymetal::device::cpu
