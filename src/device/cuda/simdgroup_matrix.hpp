#pragma once
/// \file
/// 8x8 simdgroup matrices on tensor cores.
///
/// Metal's layout of a matrix over the lanes is not that of `mma` fragments, and moving between them costs two shuffles.
/// So the products are kept as opaque calls through the optimiser, which brings accumulators into registers; then
/// accumulators that only feed other products stay in fragment layout; only then the calls get bodies.

#include <llvm/IR/Function.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <cstdint>

namespace anymetal::device::cuda {

/// The type in which the elements of both factors are exact.
enum class MatrixInput : std::uint8_t { F16, Bf16, F32 };

/// `x * y + z`, each `<2 x float>` per lane in the layout of docs/entry-ir.md, as opaque calls.
llvm::Value* emit_multiply_accumulate(llvm::IRBuilder<>& b, llvm::Module& module, MatrixInput input, llvm::Value* x,
                                      llvm::Value* y, llvm::Value* z);

/// Whether the module has such calls.
bool uses_matrix_products(const llvm::Module& module);

/// Removes the layout conversions between one product and the next, through loops too.
void keep_accumulators_in_fragments(llvm::Function& kernel);

/// Gives the opaque functions always-inlined bodies.
void define_matrix_functions(llvm::Module& module);

}  // namespace anymetal::device::cuda
