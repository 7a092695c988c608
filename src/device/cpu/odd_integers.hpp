#pragma once
/// \file
/// Integers in memory whose bytes are no power of two.

namespace llvm {
class Function;
}

namespace anymetal::device::cpu {

/// Loads and stores them in pieces that are: of six bytes, a word and a half. LLVM makes such accesses of structs that
/// are copied as one; a vector of their values lies in memory otherwise than an array of them.
void split_odd_integers(llvm::Function& function);

}  // namespace anymetal::device::cpu
