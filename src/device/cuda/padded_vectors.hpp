#pragma once
/// \file
/// Vectors of three in the constants of a program.

namespace llvm {
class Module;
}

namespace anymetal::device::cuda {

/// Writes out the unused bytes behind each vector of three in the values that variables start with. LLVM 19's printer of PTX leaves
/// them out, so that all that follows in the same variable would lie too low.
void write_out_padding_of_vectors(llvm::Module& module);

}  // namespace anymetal::device::cuda
