#pragma once
/// \file
/// Elements of vectors that are chosen by an index known only when the kernel runs.

namespace llvm {
class Function;
}

namespace anymetal::device::cuda {

/// Makes a choice among registers of each `v[i]` read from or written to a vector value. LLVM's way goes through local memory, or through
/// a store of the same vector that it finds; where that is one to threadgroup memory, it reads with the address space forgotten, and a GPU
/// answers with an illegal address. An element of a vector that is loaded for it alone stays a load of that element.
void choose_indexed_elements(llvm::Function& kernel);

}  // namespace anymetal::device::cuda
