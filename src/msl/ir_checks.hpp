#pragma once
/// \file
/// What the IR of a kernel may hold: nothing that reaches the host, and no more than a device can take.

#include <anymetal/error.hpp>

#include <cstdint>
#include <string>

namespace llvm {
class Function;
class Module;
}  // namespace llvm

namespace anymetal::msl {

inline constexpr std::uint64_t kInstructionLimit = 4'000'000;    ///< of one kernel with all it calls
inline constexpr std::uint64_t kThreadMemoryLimit = 2U << 20U;    ///< bytes of one thread's variables
inline constexpr std::uint64_t kConstantLimit = 64U << 20U;       ///< bytes of program-scope constants
inline constexpr std::uint64_t kAlignmentLimit = 4096;            ///< bytes; more would take as much of a stack

/// Instructions of `function` once every call in it is inlined; more than kInstructionLimit where calls go round.
std::uint64_t inlined_size(const llvm::Function& function);

/// A thread that runs past the end of a function returns zero instead of stopping the process.
void drop_traps(llvm::Module& module);

/// ShaderCompilationError where the kernel is too large to be inlined.
Result<void> refuse_size(const llvm::Module& module, const std::string& kernel, const std::string& symbol);

/// ShaderCompilationError where the module, all inlined, holds indirect calls, assembly, intrinsics of the host's, vectors
/// wider than MSL has, or more memory than the limits allow.
Result<void> refuse_unsupported(const llvm::Module& module, const std::string& kernel);

}  // namespace anymetal::msl
