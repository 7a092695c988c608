#pragma once
/// \file
/// What differs between threads of several simdgroups that are to become one.

#include <llvm/ADT/DenseSet.h>
#include <llvm/ADT/SetVector.h>

#include <string>
#include <vector>

namespace llvm {
class BasicBlock;
class Instruction;
class Value;
}  // namespace llvm

namespace anymetal::device::cpu {

struct ThreadFlow;
struct ThreadFunction;

/// Threads in the same place among their lanes, but of simdgroups beside each other in a row, or of several rows.
enum class Axis : std::uint8_t { X, Y };

/// What they do one after the other: all from where their ways part to where they meet again.
struct Apart {
  llvm::BasicBlock* begin = nullptr;   ///< where ways part, or the header of a loop that threads leave one by one
  llvm::BasicBlock* before = nullptr;  ///< of a loop: its preheader
  llvm::BasicBlock* end = nullptr;     ///< where they meet again
  llvm::SmallSetVector<llvm::BasicBlock*, 8> blocks = {};  ///< between them, and the header
};

[[nodiscard]] bool is_threadgroup_barrier(const llvm::Instruction& instruction);

/// What differs between the threads, in a function in loop-simplified, closed SSA form without switches. What they read
/// from one place between two barriers is the same: none of them may write there meanwhile.
class ThreadDifferences {
 public:
  ThreadDifferences(const ThreadFunction& thread, const ThreadFlow& flow, Axis axis, unsigned width);

  /// Why they cannot become one thread, or empty: barriers must be met by all.
  [[nodiscard]] const std::string& obstacle() const { return obstacle_; }
  /// None lies in another.
  [[nodiscard]] const std::vector<Apart>& apart() const { return apart_; }
  /// Whether each thread needs a value or instruction of its own.
  [[nodiscard]] bool differs(const llvm::Value* value) const { return differing_.contains(value); }
  /// Instructions of which that is true.
  [[nodiscard]] std::size_t count() const;

 private:
  bool spread();
  [[nodiscard]] bool makes_a_difference(const llvm::Instruction& instruction) const;
  [[nodiscard]] bool is_place_among_lanes(const llvm::Instruction& instruction) const;
  bool part();
  void add_apart(llvm::BasicBlock* block);
  [[nodiscard]] llvm::BasicBlock* meeting_after(const llvm::BasicBlock* block) const;

  const ThreadFlow& flow_;
  unsigned width_;
  const llvm::Value* index_;
  const llvm::Value* x_;
  llvm::DenseSet<const llvm::Value*> differing_;
  std::vector<Apart> apart_;
  std::string obstacle_;
};

}  // namespace anymetal::device::cpu
