#pragma once
/// \file
/// Which of the precise and fast mathematics functions an unqualified name means.

namespace llvm {
class Module;
}

namespace anymetal::msl {

/// On functions in safe math mode that Clang's own attributes do not tell.
inline constexpr const char* kSafeMathAttribute = "msl-safe-math";

/// On functions with operators of vectors or matrices that must not be fused.
inline constexpr const char* kUncontractedAttribute = "msl-uncontracted";

/// Library functions ask `__msl_precise_math()`, which answers no. Calls of them from functions in safe math mode (by
/// option, or by pragma at the start of the body or before it) are redirected to copies in which the answer is yes, and in
/// which no operation may be reordered or fused: operators of vectors are library functions. Calls of operators from
/// functions where contraction alone is off are redirected to copies that do not fuse. To be called on Clang's IR
/// before anything is inlined or attributes are dropped.
void choose_math_functions(llvm::Module& module);

}  // namespace anymetal::msl
