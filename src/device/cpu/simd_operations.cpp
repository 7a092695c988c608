#include "device/cpu/simd_operations.hpp"

#include "device/cpu/kernel_abi.hpp"

#include <llvm/ADT/APFloat.h>
#include <llvm/ADT/APInt.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <limits>

namespace anymetal::device::cpu {
namespace {

using Combine = SyncOperation::Combine;
using Element = SyncOperation::Element;

bool is_float(const SyncOperation& operation) { return operation.element == Element::F32; }

/// The value that changes nothing. For float minimum and maximum it is NaN, which minnum and maxnum ignore: a lone
/// active lane thus gets back its own value, NaN included.
llvm::Constant* identity(llvm::IRBuilder<>& builder, const SyncOperation& operation) {
  auto* type = is_float(operation) ? builder.getFloatTy() : builder.getInt32Ty();
  const bool is_signed = operation.element == Element::I32;
  switch (operation.combine) {
    case Combine::Sum: return is_float(operation) ? llvm::ConstantFP::getNegativeZero(type) : builder.getInt32(0);
    case Combine::Product: return is_float(operation) ? llvm::ConstantFP::get(type, 1.0) : builder.getInt32(1);
    case Combine::Min:
      if (is_float(operation)) return llvm::ConstantFP::getNaN(type);
      return builder.getInt32(is_signed ? static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max()) : ~0u);
    case Combine::Max:
      if (is_float(operation)) return llvm::ConstantFP::getNaN(type);
      return builder.getInt32(is_signed ? 0x8000'0000u : 0u);
    case Combine::And: return builder.getInt32(~0u);
    default: return builder.getInt32(0);
  }
}

llvm::Value* combine(llvm::IRBuilder<>& builder, const SyncOperation& operation, llvm::Value* a, llvm::Value* b) {
  if (operation.combine == Combine::Sum) return is_float(operation) ? builder.CreateFAdd(a, b) : builder.CreateAdd(a, b);
  return is_float(operation) ? builder.CreateFMul(a, b) : builder.CreateMul(a, b);
}

/// Lane l gets lane l - distance; the first lanes get `fill`.
llvm::Value* shift_up(llvm::IRBuilder<>& builder, llvm::Value* values, llvm::Constant* fill, unsigned distance) {
  auto* fills = builder.CreateVectorSplat(kSimdWidth, fill);
  llvm::SmallVector<int, kSimdWidth> lanes;
  for (unsigned lane = 0; lane < kSimdWidth; ++lane)
    lanes.push_back(static_cast<int>(lane < distance ? kSimdWidth : lane - distance));
  return builder.CreateShuffleVector(values, fills, lanes);
}

llvm::Value* select_active(llvm::IRBuilder<>& builder, const SyncOperation& operation, llvm::Value* active,
                           llvm::Value* values) {
  return builder.CreateSelect(active, values, builder.CreateVectorSplat(kSimdWidth, identity(builder, operation)));
}

}  // namespace

llvm::VectorType* lane_vector_type(llvm::LLVMContext&, llvm::Type* element) {
  return llvm::FixedVectorType::get(element, kSimdWidth);
}

llvm::Value* emit_reduction(llvm::IRBuilder<>& builder, const SyncOperation& operation, llvm::Value* active,
                            llvm::Value* values) {
  const llvm::IRBuilder<>::FastMathFlagGuard guard(builder);
  llvm::FastMathFlags flags;
  flags.setAllowReassoc();
  builder.setFastMathFlags(flags);
  values = select_active(builder, operation, active, values);
  const bool is_signed = operation.element == Element::I32;
  switch (operation.combine) {
    case Combine::Sum:
      return is_float(operation) ? builder.CreateFAddReduce(identity(builder, operation), values)
                                 : builder.CreateAddReduce(values);
    case Combine::Product:
      return is_float(operation) ? builder.CreateFMulReduce(identity(builder, operation), values)
                                 : builder.CreateMulReduce(values);
    case Combine::Min:
      return is_float(operation) ? builder.CreateFPMinReduce(values) : builder.CreateIntMinReduce(values, is_signed);
    case Combine::Max:
      return is_float(operation) ? builder.CreateFPMaxReduce(values) : builder.CreateIntMaxReduce(values, is_signed);
    case Combine::And: return builder.CreateAndReduce(values);
    case Combine::Or: return builder.CreateOrReduce(values);
    default: return builder.CreateXorReduce(values);
  }
}

llvm::Value* emit_scan(llvm::IRBuilder<>& builder, const SyncOperation& operation, llvm::Value* active,
                       llvm::Value* values) {
  auto* neutral = identity(builder, operation);
  values = select_active(builder, operation, active, values);
  for (unsigned distance = 1; distance < kSimdWidth; distance *= 2)
    values = combine(builder, operation, shift_up(builder, values, neutral, distance), values);
  if (operation.kind == SyncOperation::Kind::InclusiveScan) return values;
  auto* first = operation.combine == Combine::Sum ? llvm::Constant::getNullValue(neutral->getType()) : neutral;
  return shift_up(builder, values, first, 1);
}

llvm::Value* emit_ballot(llvm::IRBuilder<>& builder, llvm::Value* active, llvm::Value* predicate) {
  return builder.CreateBitCast(builder.CreateAnd(active, predicate), builder.getInt32Ty());
}

Tile emit_multiply_accumulate(llvm::IRBuilder<>& builder,
                              llvm::function_ref<llvm::Value*(unsigned row, unsigned column)> element, const Tile& b,
                              const Tile& c) {
  auto* row_type = llvm::FixedVectorType::get(builder.getFloatTy(), 8);
  Tile result = c;
  for (unsigned row = 0; row < 8; ++row)
    for (unsigned k = 0; k < 8; ++k) {
      auto* factor = builder.CreateVectorSplat(8, element(row, k));
      result[row] = builder.CreateIntrinsic(llvm::Intrinsic::fma, {row_type}, {factor, b[k], result[row]});
    }
  return result;
}

TilePosition tile_position(unsigned lane) {
  const unsigned quad = lane / 4;
  return {(quad & 4) + (lane / 2) % 4, (quad & 2) * 2 + (lane % 2) * 2};
}

}  // namespace anymetal::device::cpu
