#pragma once
/// \file
/// Which blocks of a kernel the lanes of a simdgroup reach together on an NVIDIA GPU.

#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/IR/Function.h>

namespace llvm {
class PostDominatorTree;
}

namespace anymetal::device::cuda {

/// Blocks that every lane still running reaches together. Elsewhere (`if (lane < 16) x = simd_sum(x)`) a call of a
/// simdgroup function takes the lanes that are together at that moment.
///
/// LLVM's uniformity analysis says so, with more knowledge than its NVPTX target gives it, which takes the result of
/// every call for one that differs between lanes: the threadgroup's position, the simdgroup's index, results of
/// reductions, votes and broadcasts are common to the lanes that get them, and so is what plain loads give for a common
/// address. Needs the kernel with its simdgroup calls, after address-space inference.
class ConvergentBlocks {
 public:
  explicit ConvergentBlocks(llvm::Function& kernel);

  [[nodiscard]] bool contains(const llvm::BasicBlock& block) const { return !parted_.contains(&block); }

 private:
  /// Notes which blocks only a part of the lanes may reach after a branch where lanes part: those before the ways meet
  /// again, unless lanes on all other ways end without a call of a simdgroup function and without a barrier.
  void add_parting(const llvm::BasicBlock& branch, const llvm::PostDominatorTree& post_dominators);

  llvm::SmallPtrSet<const llvm::BasicBlock*, 16> parted_;
};

}  // namespace anymetal::device::cuda
