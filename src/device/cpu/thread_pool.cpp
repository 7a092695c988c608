#include "device/cpu/thread_pool.hpp"

#include <algorithm>
#include <chrono>

namespace anymetal::device::cpu {
namespace {

constexpr std::uint32_t kOpen = 0x8000'0000u;
/// Chunks per share: enough for the threads to end together, few enough to cost nothing.
constexpr std::uint64_t kChunksPerShare = 8;
/// Dispatches of one encoding follow each other within this time; sleeping in between would cost more than they do.
constexpr std::chrono::microseconds kSpinTime{50};

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Spins until `done()`, giving the processor away now and then once the spinning time is over.
template <class Done>
bool spin(Done done) {
  const auto start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() - start < kSpinTime);
  return false;
}

}  // namespace

ThreadPool::ThreadPool(unsigned threads) : shares_(std::max(1u, threads)) {
  for (unsigned worker = 1; worker < shares_.size(); ++worker)
    threads_.emplace_back([this, worker] { wait_and_work(worker); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  generation_.fetch_add(1);
  generation_.notify_all();
}

void ThreadPool::run(std::uint64_t count, const Body& body) {
  const auto share_count = static_cast<std::uint64_t>(shares_.size());
  if (share_count == 1 || count <= 1) {
    if (count > 0) body(0, 0, count);
    return;
  }
  body_ = &body;
  chunk_ = std::max<std::uint64_t>(1, count / (share_count * kChunksPerShare));
  const auto length = count / share_count;
  const auto longer = count % share_count;
  std::uint64_t first = 0;
  for (std::uint64_t i = 0; i < share_count; ++i) {
    const auto end = first + length + (i < longer ? 1 : 0);
    shares_[i].end = end;
    shares_[i].next.store(first, std::memory_order_relaxed);
    first = end;
  }
  members_.store(kOpen, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  work(0);
  members_.fetch_and(~kOpen, std::memory_order_acq_rel);
  const auto alone = [this] { return members_.load(std::memory_order_acquire) == 0; };
  while (!spin(alone)) std::this_thread::yield();
}

void ThreadPool::work(unsigned worker) {
  const auto count = shares_.size();
  for (std::size_t i = 0; i < count; ++i) {
    auto& share = shares_[(worker + i) % count];
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      const auto first = share.next.fetch_add(chunk_, std::memory_order_relaxed);
      if (first >= share.end) break;
      (*body_)(worker, first, std::min(first + chunk_, share.end));
    }
  }
}

void ThreadPool::wait_and_work(unsigned worker) {
  std::uint32_t seen = 0;
  while (true) {
    const auto changed = [&] { return generation_.load(std::memory_order_acquire) != seen; };
    if (!spin(changed)) generation_.wait(seen, std::memory_order_acquire);
    seen = generation_.load(std::memory_order_acquire);
    if (stopping_.load()) return;
    auto members = members_.load(std::memory_order_relaxed);
    bool joined = false;
    while ((members & kOpen) && !joined)
      joined = members_.compare_exchange_weak(members, members + 1, std::memory_order_acq_rel);
    if (!joined) continue;
    work(worker);
    members_.fetch_sub(1, std::memory_order_acq_rel);
  }
}

}  // namespace anymetal::device::cpu
