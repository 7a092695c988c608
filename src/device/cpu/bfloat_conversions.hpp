#pragma once
/// \file
/// Rounding of floats to bfloat16 for processors without an instruction for it.

#include <llvm/IR/Module.h>
#include <llvm/MC/MCSubtargetInfo.h>

namespace anymetal::device::cpu {

/// Whether the processor has an instruction for it: AVX512-BF16, which also makes numbers below 2^-126 zero.
[[nodiscard]] bool rounds_to_bfloat(const llvm::MCSubtargetInfo& processor);

/// Writes every rounding from float to bfloat16, of scalars and vectors, as integer arithmetic: to the nearest, of two
/// the even one; NaN becomes a quiet NaN. LLVM would call a function for each element.
void expand_bfloat_rounding(llvm::Module& module);

}  // namespace anymetal::device::cpu
