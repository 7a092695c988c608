#pragma once
/// \file
/// Shifts of vectors some of whose elements are shifted by too much.

#include <llvm/IR/Module.h>

namespace anymetal::device::cpu {

/// Gives elements that a constant vector shifts by their width or more, and whose value therefore is poison, the amount
/// of another element. LLVM's vectoriser of straight-line code makes such shifts where it blends them with another
/// operation on the same constants; its code generator for x86 (19.1) takes the poison for zeros and the blend for an
/// `or`, but the processor fills those elements with the sign. For just before code is generated.
void bound_shifts(llvm::Module& module);

}  // namespace anymetal::device::cpu
