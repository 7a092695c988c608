#pragma once
/// \file
/// The threads that compile what nobody waits for yet.

#include <anymetal/pipeline_future.hpp>
#include <atomic>
#include <memory>

#include "observe/per_process.hpp"
#include "registry/pipeline_flight.hpp"

namespace anymetal::registry {

/// Threads start when there is work for them. A flight may stand in several queues: the first thread that comes upon it
/// flies it, the others pass over it; so raising a priority is submitting once more.
///
/// Thread contract: safe from any thread; `stop` not from one of its own. A forked process gets threads of its own;
/// what stood in the queues when it was forked is done by whoever waits for it.
class CompilePool {
 public:
  /// `ANYMETAL_COMPILE_THREADS`, else one per core.
  CompilePool();
  ~CompilePool();
  CompilePool(const CompilePool&) = delete;
  CompilePool& operator=(const CompilePool&) = delete;

  void set_threads(unsigned count);
  [[nodiscard]] unsigned threads() const { return most_; }
  void submit(std::shared_ptr<PipelineFlight> flight, CompilePriority priority);
  /// Calls off what has not begun and returns when the rest has landed. What is submitted later is called off at once.
  void stop();

 private:
  class Threads;
  std::atomic<unsigned> most_;
  PerProcess<Threads> threads_;
};

}  // namespace anymetal::registry
