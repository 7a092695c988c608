#pragma once
/// \file
/// One pipeline on its way, and all who want it.

#include <anymetal/pipeline.hpp>
#include <anymetal/pipeline_future.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace anymetal::registry {

/// Work that is done at most once, by whichever thread begins it: one that waits, or one of the pool.
/// Whoever makes a flight is the first who wants it.
/// Thread contract: safe from any thread.
class PipelineFlight {
 public:
  using Work = std::function<Result<PipelinePtr>(const PipelineFlight&)>;

  explicit PipelineFlight(Work work) : work_(std::move(work)) {}
  /// Over before it began: the answer is known.
  explicit PipelineFlight(Result<PipelinePtr> answer);

  /// Does the work here and lands, unless another thread has begun it.
  void fly();
  /// Lands with `error` unless the work has begun.
  void call_off(const Error& error);

  void join() { ++wanted_; }
  void leave() { --wanted_; }
  /// Whether anybody still waits.
  [[nodiscard]] bool wanted() const { return wanted_ != 0; }

  [[nodiscard]] bool has_landed() const;
  /// Flies itself rather than waiting for a thread to begin. Cancelled where a thread of the process that this one was forked from has
  /// begun: it is not here.
  [[nodiscard]] Result<PipelinePtr> wait();
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds time) const;
  /// Calls back on landing, in the thread that lands it, or now. Where this finds no memory to wait, `callback` is left
  /// as it is and std::bad_alloc passed on.
  void on_landing(PipelineCallback& callback);

 private:
  [[nodiscard]] bool begin();
  void land(Result<PipelinePtr> result);

  Work work_;  // emptied when done: it holds the source and the device
  std::atomic<unsigned> begun_{0};  // 1 + forks() where it was
  std::atomic<int> wanted_{1};
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable landed_;
  std::optional<Result<PipelinePtr>> result_;
  std::vector<PipelineCallback> callbacks_;
};

}  // namespace anymetal::registry
