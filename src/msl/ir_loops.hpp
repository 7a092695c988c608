#pragma once
/// \file
/// Loop hints of the IR that come from the user's pragmas.

namespace llvm {
class Function;
}

namespace anymetal::msl {

/// Brings the counts of unrolling pragmas down to what a compiler can do: LLVM unrolls as often as it is told.
void bound_unrolling(llvm::Function& f);

}  // namespace anymetal::msl
