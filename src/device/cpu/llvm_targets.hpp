#pragma once
/// \file
/// The kinds of processors LLVM can make code for here.

namespace anymetal::device::cpu {

/// Registers with LLVM the code generators and disassemblers of this machine's kind of processor and, where LLVM was
/// linked with it, of 64-bit ARM. Thread contract: safe from any thread.
void register_llvm_targets();

}  // namespace anymetal::device::cpu
