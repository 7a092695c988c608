#pragma once
/// \file
/// Keeps the rounds of a loop apart where threads run one by one.

namespace llvm {
class Function;
}  // namespace llvm

namespace anymetal::device::cpu {

/// Adds a simdgroup barrier at the end of every round of loops with simdgroup operations that not every thread reaches
/// once a round. A thread that passes such an operation by would else wait for the others at the same operation of the
/// next round, and take part in theirs. Loops must have one latch.
void add_loop_meetings(llvm::Function& function);

}  // namespace anymetal::device::cpu
