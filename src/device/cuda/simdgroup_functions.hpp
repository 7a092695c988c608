#pragma once
/// \file
/// Bodies, in NVVM intrinsics, of the simdgroup functions of docs/entry-ir.md.

#include <llvm/IR/Function.h>
#include <llvm/IR/Module.h>

namespace anymetal::device::cuda {

/// The internal, always-inlined function that does what `__msl_simd_<name>` does for the lanes in a membership mask:
/// the original parameters, then `i32 mask`. Made on first use. Null where the name is not a simdgroup function.
llvm::Function* simdgroup_function(llvm::Module& module, llvm::StringRef name, unsigned capability);

/// `<2 x float> (<2 x float> a, <2 x float> b, <2 x float> c, i32 mask)`: 8x8 multiply-accumulate, each lane holding two
/// elements in the layout of docs/entry-ir.md. `half_inputs`: a and b are exact in f16 (else bf16 or f32).
enum class MatrixInput { F16, Bf16, F32 };
llvm::Function* matrix_function(llvm::Module& module, MatrixInput input);

}  // namespace anymetal::device::cuda
