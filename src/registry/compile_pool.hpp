#pragma once
/// \file
/// The threads that compile what nobody waits for yet.

#include <anymetal/pipeline_future.hpp>
#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "registry/pipeline_flight.hpp"

namespace anymetal::registry {

/// Threads start when there is work for them. A flight may stand in several queues: the first thread that comes upon it
/// flies it, the others pass over it; so raising a priority is submitting once more.
///
/// Thread contract: safe from any thread; `stop` not from one of its own.
class CompilePool {
 public:
  /// `ANYMETAL_COMPILE_THREADS`, else one per core.
  CompilePool();
  ~CompilePool() { stop(); }
  CompilePool(const CompilePool&) = delete;
  CompilePool& operator=(const CompilePool&) = delete;

  void set_threads(unsigned count);
  [[nodiscard]] unsigned threads() const;
  void submit(std::shared_ptr<PipelineFlight> flight, CompilePriority priority);
  /// Calls off what has not begun and returns when the rest has landed. What is submitted later is called off at once.
  void stop();

 private:
  void work();
  [[nodiscard]] bool start_thread();  // the mutex is held; one more if it helps; false where there is none
  [[nodiscard]] std::shared_ptr<PipelineFlight> next();  // the mutex is held; nullptr where there is none
  [[nodiscard]] std::size_t queued() const;              // the mutex is held

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::array<std::deque<std::shared_ptr<PipelineFlight>>, 3> queues_;  // by priority
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  unsigned most_;
  bool stopped_ = false;
};

}  // namespace anymetal::registry
