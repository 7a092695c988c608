#pragma once
/// \file
/// A pipeline that is being compiled on another thread.

#include <anymetal/error.hpp>
#include <anymetal/pipeline.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace anymetal {

namespace registry {
class CompilePool;
class PipelineFlight;
}  // namespace registry

/// How soon the compile threads take a request; equal ones in the order they came.
enum class CompilePriority : std::uint8_t {
  Ahead,    ///< when nothing else is to be done: what warm-up asks for
  Soon,     ///< before everything that is compiled ahead
  Awaited,  ///< at once: somebody waits for it
};

/// Told of the pipeline, or of the error, once. It must not throw and must not destroy the registry.
using PipelineCallback = std::function<void(const Result<PipelinePtr>&)>;

/// What `KernelRegistry::get_pipeline_async` returns: one of the parties that want a pipeline. A compile that has not
/// ended when every party has gone is cancelled at its next step; nothing of it is kept.
///
/// Thread contract: one thread at a time; the threads of several futures may wait for one pipeline. May outlive the
/// registry, whose end calls off what was not begun: then `wait` returns Cancelled.
/// \code
///   auto norm = registry.get_pipeline_async("rms_norm_f32", device);
///   auto add = registry.get_pipeline_async("elementwise_add_f32", device);   // both compile meanwhile
///   Result<PipelinePtr> pipeline = norm.wait();
/// \endcode
class [[nodiscard]] PipelineFuture {
 public:
  /// Waits for nothing: `ready`, and `wait` returns Cancelled.
  PipelineFuture() = default;
  ~PipelineFuture();
  PipelineFuture(PipelineFuture&& other) noexcept;
  PipelineFuture& operator=(PipelineFuture&& other) noexcept;

  /// Whether `wait` would return at once.
  [[nodiscard]] bool ready() const;
  /// The pipeline or the error, each time the same. Does not stand in line: a compile nobody has begun is done in this
  /// thread.
  Result<PipelinePtr> wait();
  /// Waits at most this long, with priority Awaited; whether it is ready.
  bool wait_for(std::chrono::nanoseconds time);
  /// Goes away: `wait` returns Cancelled from now on.
  void cancel();

  PipelineFuture(std::shared_ptr<registry::CompilePool> pool,
                 std::shared_ptr<registry::PipelineFlight> flight);  ///< library internals

 private:
  std::shared_ptr<registry::CompilePool> pool_;
  std::shared_ptr<registry::PipelineFlight> flight_;
};

}  // namespace anymetal
