#pragma once
/// \file
/// Threads of several simdgroups as one thread.

#include <string>

#include "device/cpu/lane_shapes.hpp"

namespace llvm {
class TargetTransformInfo;
}  // namespace llvm

namespace anymetal::device::cpu {

struct ThreadFlow;
struct ThreadFunction;

/// How many threads can be merged before the one that they become is too long; 1 where they cannot be.
struct MergingLimits {
  unsigned along_x = 1;
  unsigned along_y = 1;
  /// How many lanes, over all of them, before what they keep in loops no longer fits into registers.
  unsigned lanes = 0;
};

/// Whether a barrier stands where only some lanes may come: such threads are not merged.
[[nodiscard]] bool some_lanes_wait(const ThreadFlow& flow, const LaneShapes& shapes);

/// Of a thread function in loop-simplified, closed SSA form without switches whose threads meet at barriers.
MergingLimits merging_limits(const ThreadFunction& thread, const ThreadFlow& flow, const LaneShapes& shapes,
                             const llvm::TargetTransformInfo& costs);

/// Makes one thread do the work of `rows.merged()` threads of its threadgroup, which are `rows.width` apart in their
/// row or in as many rows: they meet at barriers once, what is the same in all of them is computed once, and what they
/// do apart stands beside each other. Where their ways part one after the other goes its way up to where they meet
/// again. Position and index that it takes are those of the first thread. A thread function of the same form; its
/// blocks change. Returns why they cannot be merged, and then nothing has changed; empty where they are.
std::string merge_threads(const ThreadFunction& thread, const ThreadFlow& flow, const LaneRows& rows);

/// Takes the barriers away: for threads that have all become one.
void remove_barriers(const ThreadFunction& thread);

}  // namespace anymetal::device::cpu
