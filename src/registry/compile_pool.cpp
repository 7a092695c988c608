#include "registry/compile_pool.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <new>
#include <ranges>
#include <string_view>
#include <system_error>
#include <utility>

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

CompilePool::CompilePool() : most_(default_threads()) {}

void CompilePool::set_threads(unsigned count) {
  const std::lock_guard lock(mutex_);
  most_ = std::max(1u, count);
}

unsigned CompilePool::threads() const {
  const std::lock_guard lock(mutex_);
  return most_;
}

void CompilePool::submit(std::shared_ptr<PipelineFlight> flight, CompilePriority priority) {
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

bool CompilePool::start_thread() {
  if (idle_ <= queued() && threads_.size() < most_) {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // those there are do it
    }
  }
  return !threads_.empty();
}

void CompilePool::stop() {
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

void CompilePool::work() {
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

std::shared_ptr<PipelineFlight> CompilePool::next() {
  for (auto& queue : queues_ | std::views::reverse) {
    if (queue.empty()) continue;
    auto flight = std::move(queue.front());
    queue.pop_front();
    return flight;
  }
  return nullptr;
}

std::size_t CompilePool::queued() const {
  std::size_t count = 0;
  for (const auto& queue : queues_) count += queue.size();
  return count;
}

}  // namespace anymetal::registry
