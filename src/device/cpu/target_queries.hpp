#pragma once
/// \file
/// What a kernel may ask about the processor it is compiled for, and of its instructions.

namespace llvm {
class Module;
}

namespace anymetal::device::cpu {

/// Gives what the module declares of these a body for this host: `__msl_vector_bits()`, which is 512, 256 or 128;
/// `__msl_look_up_16(result, table, index)` and `__msl_look_up_32(result, low, high, index)`, pointers to 16 floats or
/// numbers each: look-ups in a table of 16 or 32 by the low 4 or 5 bits of each number, one instruction where a
/// register holds 16.
void define_target_queries(llvm::Module& module);

}  // namespace anymetal::device::cpu
