#pragma once
/// \file
/// How a thread function uses its position in the grid, so that loops over threads need no check in every round.

#include <llvm/ADT/SmallVector.h>

#include <cstdint>

#include "device/cpu/thread_function.hpp"

namespace llvm {
class IRBuilderBase;
}  // namespace llvm

namespace anymetal::device::cpu {

/// The threads of an axis before or from `bound` on do the kernel's work, the others return at once.
struct GridBound {
  enum class Side : std::uint8_t { Before, From };
  unsigned axis = 0;
  Side side = Side::Before;
  llvm::Value* bound = nullptr;  ///< an integer, computed from the thread function's arguments alone
  bool one_more = false;         ///< `bound` + 1 is what is meant
};

/// Finds such comparisons where the thread function begins, of numbers or of vectors of positions, and makes them true:
/// loops over threads must keep to the bounds. `emit_bound` gives them where the loops are.
llvm::SmallVector<GridBound, 3> take_grid_bounds(const ThreadFunction& thread);

/// Computes a bound of `thread` where the builder stands, as an i64; `arguments` are what the function will be called
/// with.
llvm::Value* emit_bound(llvm::IRBuilderBase& builder, const ThreadFunction& thread, const GridBound& bound,
                        llvm::ArrayRef<llvm::Value*> arguments);

/// Whether the function uses nothing of the x axis but the position in the grid: threadgroups that are neighbours on it
/// are then one row of threads.
bool reads_only_grid_position_of_x(const ThreadFunction& thread);

}  // namespace anymetal::device::cpu
