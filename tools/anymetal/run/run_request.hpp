#pragma once
/// \file
/// One dispatch as `run` describes it: bindings, geometry, what to write afterwards.

#include <anymetal/anymetal.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "parts/specs.hpp"
#include "parts/timing.hpp"

namespace anymetal::cli {

struct RunRequest {
  std::vector<BufferSpec> buffers;
  std::vector<BytesSpec> bytes;
  std::vector<ThreadgroupMemorySpec> threadgroup_memory;
  std::vector<DumpSpec> dumps;
  std::optional<Size> grid;  ///< threadgroups; exactly one of grid and threads is set
  std::optional<Size> threads;
  Size group;
  std::chrono::seconds timeout{};  ///< of all runs together; zero for none
  unsigned repeat = 0;             ///< timed runs after the first
  bool json = false;               ///< whether what ends the program on the way is said as JSON too
};

/// What was run, and how long one dispatch took from commit to completion.
struct RunOutcome {
  double first_milliseconds = 0;
  std::optional<Timing> repeated;
};

/// Makes the buffers, runs once, writes the dumps, then runs `repeat` more times for the clock. Repeats see the buffers
/// as the run before left them. InvalidBinding where the kernel accesses memory outside them (guarded_bindings.hpp).
Result<RunOutcome> execute(Device& device, const PipelinePtr& pipeline, const RunRequest& request);

}  // namespace anymetal::cli
