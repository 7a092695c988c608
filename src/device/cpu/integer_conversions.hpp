#pragma once
/// \file
/// Conversions of vectors of bytes to floats in the steps that processors have.

#include <llvm/IR/Module.h>

namespace anymetal::device::cpu {

/// Extends vectors of bytes to words before they become floats, where the module is for AArch64: of the conversion from
/// bytes LLVM makes four of four elements, each extended by two shifts. For just before code is generated: earlier
/// transformations would join the steps again.
void split_conversions(llvm::Module& module);

}  // namespace anymetal::device::cpu
