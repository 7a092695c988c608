#pragma once
/// \file
/// Rounding of floats to bfloat16 for processors without an instruction for it.

#include <llvm/IR/Module.h>
#include <llvm/MC/MCSubtargetInfo.h>

namespace anymetal::device::cpu {

/// Writes every rounding from float to bfloat16, of scalars and vectors, as integer arithmetic: to the nearest, of two
/// the even one; NaN becomes a quiet NaN. LLVM would call a function for each element. Left as they are where
/// `processor` has AVX512-BF16, whose instruction also makes numbers below 2^-126 zero.
void expand_bfloat_rounding(llvm::Module& module, const llvm::MCSubtargetInfo& processor);

}  // namespace anymetal::device::cpu
