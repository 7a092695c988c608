#pragma once
/// \file
/// Telling LLVM that rounds of a loop may be done in any order, as threads may.

#include <llvm/ADT/ArrayRef.h>

namespace llvm {
class Instruction;
class MDNode;
}  // namespace llvm

namespace anymetal::device::cpu {

/// Marks those of the instructions that access memory which threads share, and returns their mark. Private variables
/// are not among it: inlined, all threads share one.
llvm::MDNode* mark_unordered_accesses(llvm::ArrayRef<llvm::Instruction*> instructions);

/// Says that the rounds of the loop with this latch are unordered with regard to the marked accesses.
void mark_unordered_loop(llvm::Instruction* latch, llvm::MDNode* mark);

}  // namespace anymetal::device::cpu
