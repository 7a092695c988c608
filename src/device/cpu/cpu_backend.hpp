#pragma once
/// \file
/// The CPU device.

#include "device/backend.hpp"

#include <memory>
#include <optional>

namespace anymetal::device::cpu {

/// How the device is set up.
struct CpuOptions {
  /// Threads that run threadgroups, the calling one included; 0 takes what the affinity mask, the control group's quota
  /// and `ANYMETAL_THREADS` allow.
  unsigned threads = 0;
  /// Whether kernels whose threads meet may run as vectors; otherwise all of them are coroutines. Left out,
  /// `ANYMETAL_CPU_LANES=0` switches it off.
  std::optional<bool> lanes;
  /// Whether built-in kernels run in their forms for processors where they have one (kernels/cpu), and kernels that are
  /// right for any threadgroup size with one thread for a threadgroup. Left out, `ANYMETAL_CPU_VARIANTS=0` switches both
  /// off.
  std::optional<bool> variants = std::nullopt;
  /// Whether what the lanes path makes of a kernel is held against the kernel, and the kernel run as coroutines with a
  /// warning where they differ. Left out, `ANYMETAL_CPU_VERIFY=0` and `1` switch it off and on, and builds with assertions
  /// do it.
  std::optional<bool> verify = std::nullopt;
  /// How many threads a dispatch must have for a form of merged threads (docs/cpu-device.md); left out, as many as make
  /// compiling it worthwhile.
  std::optional<double> merged_from = std::nullopt;
};

Result<std::shared_ptr<Backend>> make_cpu_backend(const CpuOptions& options = {});

}  // namespace anymetal::device::cpu
