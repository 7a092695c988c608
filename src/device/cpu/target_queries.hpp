#pragma once
/// \file
/// What a kernel may ask about the processor it is compiled for.

namespace llvm {
class Module;
}

namespace anymetal::device::cpu {

/// Gives `__msl_vector_bits`, where the module declares it, its value for this host: 512, 256 or 128.
void define_target_queries(llvm::Module& module);

}  // namespace anymetal::device::cpu
