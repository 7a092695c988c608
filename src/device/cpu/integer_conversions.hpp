#pragma once
/// \file
/// Conversions between integers and floats in steps that LLVM does well, or right.

#include <llvm/IR/Module.h>

namespace anymetal::device::cpu {

/// Extends vectors of bytes to words before they become floats, where the module is for AArch64: of the conversion from
/// bytes LLVM makes four of four elements, each extended by two shifts. For just before code is generated: earlier
/// transformations would join the steps again.
/// For x86 halves become floats before they become integers of 16 bits: where the processor computes with halves
/// (AVX512-FP16), LLVM 19 makes -32768 of a half that is no number, and goes through vectors element by element.
void split_conversions(llvm::Module& module);

}  // namespace anymetal::device::cpu
