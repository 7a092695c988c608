#pragma once
/// \file
/// Static threadgroup memory in the IR: globals in the section back ends look for.

#include <cstddef>

namespace llvm {
class CallInst;
class Module;
}  // namespace llvm

namespace anymetal::msl {

/// Section of static threadgroup memory (docs/entry-ir.md).
inline constexpr const char* kThreadgroupSection = "msl.threadgroup";

/// Turns a `threadgroup` array whose extent is not yet a constant, recognised by the annotation Clang left on its
/// alloca, into an allocation that resolve_threadgroup_arrays() finds again. Other annotations are left alone.
void mark_threadgroup_array(llvm::CallInst& annotation);

/// After specialisation: makes globals of these allocations. False where an extent still is no constant.
bool resolve_threadgroup_arrays(llvm::Module& module);

/// Bytes of all threadgroup globals in use, laid out one after the other.
std::size_t threadgroup_bytes(const llvm::Module& module);

}  // namespace anymetal::msl
