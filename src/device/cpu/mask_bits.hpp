#pragma once
/// \file
/// Masks of lanes as bits of a number, made vectors again.

#include <llvm/IR/Module.h>

namespace llvm {
class MCSubtargetInfo;
}

namespace anymetal::device::cpu {

/// Whether masks have registers of their own: elsewhere they are vectors.
bool has_mask_registers(const llvm::MCSubtargetInfo& processor);

/// Makes vectors of bits from numbers by comparing words, `(number & 1 << lane) == 1 << lane`, in each block that uses
/// them. LLVM 19's code generator moves bit after bit where a processor has no registers for masks, a hundred
/// instructions for 32 lanes; these are nine for AVX2. For just before code is generated.
void spread_mask_bits(llvm::Module& module);

}  // namespace anymetal::device::cpu
