#pragma once
/// \file
/// How the values of a thread function differ between the 32 lanes of a simdgroup.

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/DenseSet.h>
#include <llvm/ADT/SmallPtrSet.h>

#include <cstdint>
#include <vector>

#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/thread_function.hpp"

namespace llvm {
class BasicBlock;
class Instruction;
}  // namespace llvm

namespace anymetal::device::cpu {

struct ThreadFlow;

/// One value over the lanes: `first + lane * stride` for a constant stride (bytes, for pointers), or anything.
/// A conditional shape holds only where a widened index does not wrap around within the simdgroup. Two lanes that
/// access memory on both sides of that are almost 2^32 elements apart, so in smaller buffers it holds for all
/// addresses.
struct Shape {
  enum class Kind : std::uint8_t { Unknown, Linear, Divergent };
  Kind kind = Kind::Unknown;
  bool conditional = false;
  std::int64_t stride = 0;

  static Shape uniform() { return {Kind::Linear, false, 0}; }
  static Shape divergent() { return {Kind::Divergent, false, 0}; }
  [[nodiscard]] bool is_uniform() const { return kind == Kind::Linear && stride == 0; }
  [[nodiscard]] bool is_linear() const { return kind == Kind::Linear && stride != 0; }
  [[nodiscard]] bool is_divergent() const { return kind == Kind::Divergent; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

/// Which threads run together as lanes: as many neighbours of one row of the threadgroup, or where it is `folded`, of
/// its threads in the order of their indices, which is one row then.
struct LaneRows {
  unsigned width = kSimdWidth;  ///< 32, 16 or 8
  bool whole = true;    ///< rows are multiples of the width long; otherwise the last lanes of a row may be missing
  bool one = false;     ///< the threadgroup is one row
  bool aligned = true;  ///< the first lane's place in the row is a multiple of the width
  bool folded = false;  ///< a row of lanes is as many rows of the threadgroup as it takes
  unsigned merged_x = 1;     ///< groups of lanes beside each other in a row that run as one (lane_merging.hpp)
  unsigned merged_y = 1;     ///< rows that do
  bool is_group = false;     ///< what runs as one is the whole threadgroup
  [[nodiscard]] unsigned merged() const { return merged_x * merged_y; }
};

/// Shapes of all values, and which blocks may run for a part of the lanes only. The function must be in
/// loop-simplified, closed SSA form, without switches.
class LaneShapes {
 public:
  LaneShapes(const ThreadFunction& thread, const ThreadFlow& flow, const LaneRows& rows = {});

  [[nodiscard]] unsigned width() const { return rows_.width; }
  [[nodiscard]] std::uint32_t all_lanes() const { return ~0u >> (32 - rows_.width); }

  [[nodiscard]] Shape of(const llvm::Value* value) const;
  /// Whether some of the simdgroup's lanes may be elsewhere (or have returned) when this block runs.
  [[nodiscard]] bool is_partial(const llvm::BasicBlock* block) const { return partial_.contains(block); }
  /// Whether lane 0's value is a multiple of the width and the others count up from it.
  [[nodiscard]] bool counts_lanes(const llvm::Value* value) const;
  /// Whether this is the lane's own number, from 0 on.
  [[nodiscard]] bool is_lane_number(const llvm::Instruction* instruction) const;

 private:
  /// Whether a uniform value is a multiple of the width.
  [[nodiscard]] bool is_multiple(const llvm::Value* value) const;
  Shape evaluate_split(const llvm::Instruction& instruction) const;
  void iterate(const std::vector<llvm::BasicBlock*>& order);
  Shape evaluate(const llvm::Instruction& instruction) const;
  Shape evaluate_linear(const llvm::Instruction& instruction) const;
  Shape evaluate_address(const llvm::Instruction& instruction) const;
  /// Whether a linear value stays a progression when it is widened, whatever the lanes' values are.
  [[nodiscard]] bool never_wraps(const llvm::Value* value, bool is_signed) const;
  /// Marks the blocks where lanes that took different ways from `block` meet; true if something changed.
  void spread(const llvm::BasicBlock* block, const ThreadFlow& flow);

  llvm::DenseMap<const llvm::Value*, Shape> shapes_;
  LaneRows rows_;
  llvm::SmallPtrSet<const llvm::Value*, 2> counting_;   ///< x and the linear index
  llvm::SmallPtrSet<const llvm::Value*, 2> multiples_;  ///< sizes of rows
  llvm::SmallPtrSet<const llvm::BasicBlock*, 16> joins_;
  llvm::SmallPtrSet<const llvm::BasicBlock*, 16> partial_;
  llvm::SmallPtrSet<const llvm::BasicBlock*, 16> spread_;
};

}  // namespace anymetal::device::cpu
