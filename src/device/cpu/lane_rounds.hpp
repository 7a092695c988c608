#pragma once
/// \file
/// Rounds of loops in which all lanes are there.

#include <llvm/ADT/SmallVector.h>
#include <llvm/Transforms/Utils/ValueMapper.h>

#include <cstdint>
#include <vector>

namespace llvm {
class BasicBlock;
class PHINode;
class Value;
}  // namespace llvm

namespace anymetal::device::cpu {

class LaneShapes;
struct ThreadFlow;
struct ThreadFunction;

/// A loop that lanes enter together and leave one by one, as in `for (k = lane; k < end; k += 32)`: each goes on while
/// its own counter is below an end that all have in common.
struct CountedRounds {
  llvm::SmallVector<llvm::BasicBlock*, 2> blocks;  ///< the header first
  llvm::BasicBlock* preheader = nullptr;
  llvm::BasicBlock* latch = nullptr;  ///< the only block that leaves the loop
  llvm::BasicBlock* exit = nullptr;   ///< holds nothing but phis
  llvm::BasicBlock* guard = nullptr;  ///< ends with the same question for the first round; null: there is none
  llvm::PHINode* counter = nullptr;
  llvm::Value* end = nullptr;
  bool is_signed = false;
  std::int64_t stride = 0;  ///< from a lane's counter to the next lane's, positive
};

/// The short innermost ones of a thread function that is in loop-simplified, closed SSA form.
std::vector<CountedRounds> find_counted_rounds(const ThreadFlow& flow, const LaneShapes& shapes);

/// The same loop of a copy of the function.
CountedRounds in_copy(const CountedRounds& rounds, const llvm::ValueToValueMapTy& copies);

/// Puts a copy of the loop in front of each of `loops`, for as many rounds as all `width` lanes take: it asks whether
/// the last lane's counter is below the end, which is the same in all, so that nothing in it is masked. What is left
/// of the rounds the loop itself does. The function's blocks change, and stay in the same form.
void take_whole_rounds_first(const ThreadFunction& thread, const std::vector<CountedRounds>& loops, unsigned width);

}  // namespace anymetal::device::cpu
