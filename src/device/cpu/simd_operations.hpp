#pragma once
/// \file
/// Simdgroup operations as vector code over the 32 lanes.

#include "device/cpu/sync_operation.hpp"

#include <llvm/IR/IRBuilder.h>

#include <array>

namespace anymetal::device::cpu {

/// `<32 x T>` for the element of an operation.
llvm::VectorType* lane_vector_type(llvm::LLVMContext& context, llvm::Type* element);

/// Combines the active lanes' values into one scalar. `active` is `<32 x i1>`, `values` `<32 x T>`.
llvm::Value* emit_reduction(llvm::IRBuilder<>& builder, const SyncOperation& operation, llvm::Value* active,
                            llvm::Value* values);
/// Prefix sums or products over the active lanes, `<32 x T>`.
llvm::Value* emit_scan(llvm::IRBuilder<>& builder, const SyncOperation& operation, llvm::Value* active,
                       llvm::Value* values);
/// Bit mask of the active lanes whose `<32 x i1>` predicate is true, as i32.
llvm::Value* emit_ballot(llvm::IRBuilder<>& builder, llvm::Value* active, llvm::Value* predicate);

/// An 8x8 tile, one `<8 x float>` per row.
using Tile = std::array<llvm::Value*, 8>;
/// `a * b + c`. `element(row, column)` gives one element of `a` as a scalar.
Tile emit_multiply_accumulate(llvm::IRBuilder<>& builder,
                              llvm::function_ref<llvm::Value*(unsigned row, unsigned column)> element, const Tile& b,
                              const Tile& c);
/// Row and first column of the two matrix elements a lane holds (docs/entry-ir.md).
struct TilePosition {
  unsigned row = 0;
  unsigned column = 0;
};
TilePosition tile_position(unsigned lane);

}  // namespace anymetal::device::cpu
