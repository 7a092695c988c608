#pragma once
/// \file
/// Masked stores on processors that take long for them.

#include <llvm/IR/Module.h>

namespace llvm {
class MCSubtargetInfo;
}

namespace anymetal::device::cpu {

/// Whether masked stores of words cost more than a branch: AVX2 has them (a Zen 3 does one of eight words in 8 ns, an
/// ordinary one in 1), with mask registers they are ordinary ones.
bool masks_stores_slowly(const llvm::MCSubtargetInfo& processor);

/// Makes masked stores of vectors ordinary ones where all elements are to be stored, and nothing where none is; which
/// is the case is found out when code runs. For just before code is generated.
void store_whole_vectors(llvm::Module& module);

}  // namespace anymetal::device::cpu
