#pragma once
/// \file
/// Lets a graph of ops read as a list of steps.

#include <functional>
#include <utility>

#include "ops/context.hpp"

namespace anymetal::model {

/// Records ops one after another; after the first that fails it records nothing more, and `status()` is that failure.
/// Where the context only wants kernels to be asked for, every op asks, and a failure waits until the op is recorded.
/// Thread contract: one thread.
/// \code
///   Recorder run(context);
///   run(ops::rms_norm, x, weight, 1e-6F, h);
///   run(ops::mul_mat, matrix, h, y);
///   return run.status();
/// \endcode
class Recorder {
 public:
  explicit Recorder(ops::Context& context) : context_(context) {}

  template <class Op, class... Arguments>
  void operator()(Op&& op, Arguments&&... arguments) {
    if (context_.requests != nullptr) {
      (void)std::invoke(std::forward<Op>(op), context_, std::forward<Arguments>(arguments)...);
    } else if (status_) {
      status_ = std::invoke(std::forward<Op>(op), context_, std::forward<Arguments>(arguments)...);
    }
  }
  [[nodiscard]] const Result<void>& status() const { return status_; }

 private:
  ops::Context& context_;
  Result<void> status_;
};

}  // namespace anymetal::model
