#pragma once
/// \file
/// Copies of a few words as loads and stores.

namespace llvm {
class Function;
}

namespace anymetal::device::cpu {

/// Makes copies of 12 to 32 bytes between buffers, as `y[i] = x[i]` of vectors and small structs is compiled to, loads
/// and stores of a vector of words: what runs threads as vectors takes no blocks of memory. Copies from and to a
/// thread's own variables, and of what is not aligned to words, stay.
void make_small_copies_vectors(llvm::Function& function);

}  // namespace anymetal::device::cpu
