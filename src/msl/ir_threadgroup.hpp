#pragma once
/// \file
/// Static threadgroup memory in the IR: globals in the section back ends look for.

#include <cstddef>

namespace llvm {
class Module;
}  // namespace llvm

namespace anymetal::msl {

/// Section of static threadgroup memory (docs/entry-ir.md).
inline constexpr const char* kThreadgroupSection = "msl.threadgroup";

/// After specialisation: makes globals of the arrays that the pre-pass turned into calls of `__msl_threadgroup_array`
/// (keywords.h), whose extents depend on function constants. False where an extent still is no constant.
bool resolve_threadgroup_arrays(llvm::Module& module);

/// Addresses of threadgroup memory are no constants: makes what Clang has made a constant of them, such as the initialiser of a local
/// array of pointers, a variable of each function that reads it.
void localise_threadgroup_addresses(llvm::Module& module);

/// Bytes of all threadgroup globals in use, laid out one after the other.
std::size_t threadgroup_bytes(const llvm::Module& module);

}  // namespace anymetal::msl
