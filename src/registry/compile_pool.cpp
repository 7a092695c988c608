#include "registry/compile_pool.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <new>
#include <ranges>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace anymetal::registry {

namespace {

unsigned default_threads() {
  const char* value = std::getenv("ANYMETAL_COMPILE_THREADS");
  const std::string_view text(value != nullptr ? value : "");
  unsigned count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc{} && end == text.data() + text.size() && count != 0) return count;
  return std::max(1u, std::thread::hardware_concurrency());
}

Error gone() { return Error(ErrorCode::Cancelled, "the registry ended before the compile began"); }

}  // namespace

/// The threads of one process and their queues.
class CompilePool::Threads {
 public:
  explicit Threads(const std::atomic<unsigned>& most) : most_(most) {}
  ~Threads() { stop(); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  void submit(std::shared_ptr<PipelineFlight> flight, CompilePriority priority);
  void stop();

 private:
  void work();
  [[nodiscard]] bool start_thread();  // the mutex is held; one more if it helps; false where there is none
  [[nodiscard]] std::shared_ptr<PipelineFlight> next();  // the mutex is held; nullptr where there is none
  [[nodiscard]] std::size_t queued() const;              // the mutex is held

  const std::atomic<unsigned>& most_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::array<std::deque<std::shared_ptr<PipelineFlight>>, 3> queues_;  // by priority
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopped_ = false;
};

CompilePool::CompilePool() : most_(default_threads()), threads_([this] { return std::make_unique<Threads>(most_); }) {}
CompilePool::~CompilePool() = default;
void CompilePool::set_threads(unsigned count) { most_ = std::max(1u, count); }
void CompilePool::submit(std::shared_ptr<PipelineFlight> flight, CompilePriority priority) {
  threads_->submit(std::move(flight), priority);
}
void CompilePool::stop() { threads_->stop(); }

void CompilePool::Threads::submit(std::shared_ptr<PipelineFlight> flight, CompilePriority priority) {
  bool stopped = false;
  try {
    const std::lock_guard lock(mutex_);
    stopped = stopped_;
    if (!stopped && start_thread()) {
      queues_[static_cast<std::size_t>(priority)].push_back(std::move(flight));
      changed_.notify_one();
      return;
    }
  } catch (const std::bad_alloc&) {  // no memory for a thread or for the queue's next place
  }
  if (stopped) {
    flight->call_off(gone());
  } else {
    flight->fly();  // not one thread is to be had
  }
}

bool CompilePool::Threads::start_thread() {
  if (idle_ <= queued() && threads_.size() < most_) {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // those there are do it
    }
  }
  return !threads_.empty();
}

void CompilePool::Threads::stop() {
  std::vector<std::thread> threads;
  std::vector<std::shared_ptr<PipelineFlight>> left;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    while (auto flight = next()) left.push_back(std::move(flight));
    threads.swap(threads_);
    changed_.notify_all();
  }
  for (const auto& flight : left) flight->call_off(gone());
  for (auto& thread : threads) thread.join();
}

void CompilePool::Threads::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (auto flight = next()) {
      lock.unlock();
      flight->fly();
      flight.reset();
      lock.lock();
      continue;
    }
    if (stopped_) return;
    ++idle_;
    changed_.wait(lock);
    --idle_;
  }
}

std::shared_ptr<PipelineFlight> CompilePool::Threads::next() {
  for (auto& queue : queues_ | std::views::reverse) {
    if (queue.empty()) continue;
    auto flight = std::move(queue.front());
    queue.pop_front();
    return flight;
  }
  return nullptr;
}

std::size_t CompilePool::Threads::queued() const {
  std::size_t count = 0;
  for (const auto& queue : queues_) count += queue.size();
  return count;
}

}  // namespace anymetal::registry
