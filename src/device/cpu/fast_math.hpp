#pragma once
/// \file
/// The CPU's `__msl_fast_` functions.

#include <anymetal/error.hpp>

namespace llvm {
class Module;
}

namespace anymetal::device::cpu {

/// Gives every `__msl_fast_` function the module declares a body, to be inlined. The bodies are branch-free, so that
/// loops and simdgroups that call them stay vectorisable.
Result<void> define_fast_math(llvm::Module& module);

}  // namespace anymetal::device::cpu
