#pragma once
/// \file
/// The entry function `void(ptr, ptr, ...)` that a back end calls, built around a kernel.

#include "msl/kernels.hpp"

namespace anymetal::msl {

/// IR name of a kernel's entry function.
std::string entry_symbol(std::string_view kernel_name);

/// Builds `void entry_symbol(void*, ...)`, one pointer per bindable argument: computes the built-in inputs, turns absent
/// guarded arguments into null and calls the kernel. Returns nullptr after reporting an error.
clang::FunctionDecl* build_wrapper(Compilation& compilation, const KernelName& kernel, const KernelSignature& signature);

}  // namespace anymetal::msl
