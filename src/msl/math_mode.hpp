#pragma once
/// \file
/// Which of the precise and fast mathematics functions an unqualified name means.

namespace llvm {
class Module;
}

namespace anymetal::msl {

/// Library functions ask `__msl_precise_math()`, which answers no. Calls of them in safe math mode (by option or by
/// pragma, call_modes.hpp) are redirected to copies in which the answer is yes, and in which no operation may be
/// reordered or fused: operators of vectors are library functions. Calls of operators where contraction alone is off
/// are redirected to copies that do not fuse. To be called on Clang's IR before anything is inlined or attributes are
/// dropped.
void choose_math_functions(llvm::Module& module);

}  // namespace anymetal::msl
