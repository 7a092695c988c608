#pragma once
/// \file
/// What every op needs: where kernels come from, the device, and the encoder that records them.

#include <anymetal/anymetal.hpp>

namespace anymetal::ops {

/// True where one thread runs as a whole core's vector unit, so that a thread should own much work and never wait.
[[nodiscard]] inline bool has_wide_threads(const Device& device) { return device.info().id == "cpu"; }

/// Thread contract: one thread at a time, as its encoder. Refers to its parts, owns none.
///
/// Every op checks its arguments, chooses a kernel and a geometry and records the dispatch: it may compile the kernel on
/// first use, and nothing runs before `encoder.commit_and_wait()`.
/// \code
///   ops::Context context{registry, device, encoder};
///   if (auto done = ops::rms_norm(context, x, weight, 1e-6f, y); !done) return done;
/// \endcode
struct Context {
  KernelRegistry& registry;
  const Device& device;
  CommandEncoder& encoder;

  [[nodiscard]] bool wide_threads() const { return has_wide_threads(device); }
};

}  // namespace anymetal::ops
