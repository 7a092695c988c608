#pragma once
/// \file
/// Code generation of one kernel out of a parsed source.

#include "msl/kernels.hpp"

#include <optional>
#include <span>

namespace anymetal::msl {

/// Instantiates, wraps and compiles one kernel to IR that satisfies docs/entry-ir.md but for specialisation.
/// Empty after reporting errors to the compilation, and without a word where they were reported for an earlier kernel.
std::optional<EntryModule> generate_entry(Compilation& compilation, const KernelName& kernel, Target target,
                                          std::span<const FunctionConstantVariable> constants);

}  // namespace anymetal::msl
