#pragma once
/// \file
/// What every op needs: where kernels come from, the device, and the encoder that records them.

#include <anymetal/anymetal.hpp>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace anymetal::ops {

/// True where one thread runs as a whole core's vector unit, so that a thread should own much work and never wait.
[[nodiscard]] inline bool has_wide_threads(const Device& device) { return device.info().id == "cpu"; }

/// Kernels asked for ahead, kept until they are used: compiles that nobody wants are cancelled.
struct KernelRequests {
  CompilePriority priority = CompilePriority::Soon;
  std::vector<PipelineFuture> futures;
};

/// Thread contract: one thread at a time, as its encoder. Refers to its parts, owns none.
///
/// Every op checks its arguments, chooses a kernel and a geometry and records the dispatch: it may compile the kernel
/// on first use, and nothing runs before `encoder.commit_and_wait()`.
/// \code
///   ops::Context context{registry, device, encoder};
///   if (auto done = ops::rms_norm(context, x, weight, 1e-6f, y); !done) return done;
/// \endcode
struct Context {
  KernelRegistry& registry;
  const Device& device;
  CommandEncoder& encoder;
  KernelRequests* requests = nullptr;  ///< where set, ops only ask for their kernels and fail with Cancelled

  [[nodiscard]] bool wide_threads() const { return has_wide_threads(device); }

  /// May compile; where only requests are wanted, starts that and waits for nothing.
  [[nodiscard]] Result<PipelinePtr> pipeline(std::string_view kernel,
                                             std::initializer_list<FunctionConstant> constants = {}) const {
    if (requests == nullptr) {
      return constants.size() == 0 ? registry.get_pipeline(kernel, device)
                                   : registry.get_pipeline_with_constants(kernel, device, constants);
    }
    requests->futures.push_back(registry.get_pipeline_async(kernel, device, constants, requests->priority));
    return fail(ErrorCode::Cancelled, "the kernel is only asked for");
  }
};

}  // namespace anymetal::ops
