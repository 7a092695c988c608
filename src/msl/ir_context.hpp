#pragma once
/// \file
/// Bitcode of a kernel as a module, in a context of its own.

#include "msl/parsed_source.hpp"

#include <string_view>

namespace anymetal::msl {

/// Gives the kernel the module that `bitcode` holds, in a context that prints nothing about optimisations LLVM was asked for and
/// did not do, such as a loop that cannot be unrolled: LLVM would write them to the program's stderr. InternalError where
/// the bitcode is damaged; `name` is what messages call the kernel.
Result<void> read_module(SpecialisedKernel& kernel, std::string_view bitcode, std::string_view name);

}  // namespace anymetal::msl
