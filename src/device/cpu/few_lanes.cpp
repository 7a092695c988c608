#include "device/cpu/few_lanes.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>

#include <optional>

namespace anymetal::device::cpu {
namespace {

constexpr std::size_t kFew = 2;

using Lanes = llvm::SmallVector<unsigned, kFew>;

/// The lanes of a mask, where they are known and few.
std::optional<Lanes> few_lanes(const llvm::Value* mask) {
  const auto* constant = llvm::dyn_cast<llvm::Constant>(mask);
  if (!constant) return std::nullopt;
  const auto count = llvm::cast<llvm::FixedVectorType>(mask->getType())->getNumElements();
  Lanes lanes;
  for (unsigned lane = 0; lane < count; ++lane) {
    const auto* element = constant->getAggregateElement(lane);
    if (!element || !llvm::isa<llvm::ConstantInt>(element)) return std::nullopt;
    if (element->isNullValue()) continue;
    if (lanes.size() == kFew) return std::nullopt;
    lanes.push_back(lane);
  }
  return lanes;
}

/// The address of a lane; from the index it is made of, so that no vector of addresses is needed.
llvm::Value* address_of(llvm::IRBuilder<>& builder, llvm::Value* addresses, unsigned lane) {
  auto* step = llvm::dyn_cast<llvm::GetElementPtrInst>(addresses);
  if (!step || step->getNumIndices() != 1 || step->getPointerOperandType()->isVectorTy())
    return builder.CreateExtractElement(addresses, lane);
  auto* index = step->getOperand(1);
  const auto* wide = llvm::dyn_cast<llvm::CastInst>(index);
  auto* element = builder.CreateExtractElement(wide ? wide->getOperand(0) : index, lane);
  if (wide) element = builder.CreateCast(wide->getOpcode(), element, wide->getType()->getScalarType());
  return builder.CreateGEP(step->getSourceElementType(), step->getPointerOperand(), element);
}

void load_alone(llvm::IntrinsicInst& gather, const Lanes& lanes) {
  llvm::IRBuilder<> builder(&gather);
  const auto alignment = llvm::cast<llvm::ConstantInt>(gather.getArgOperand(1))->getMaybeAlignValue();
  auto* result = gather.getArgOperand(3);
  for (const auto lane : lanes) {
    auto* address = address_of(builder, gather.getArgOperand(0), lane);
    auto* element = builder.CreateAlignedLoad(gather.getType()->getScalarType(), address, alignment);
    result = builder.CreateInsertElement(result, element, lane);
  }
  gather.replaceAllUsesWith(result);
  gather.eraseFromParent();
}

void store_alone(llvm::IntrinsicInst& scatter, const Lanes& lanes) {
  llvm::IRBuilder<> builder(&scatter);
  const auto alignment = llvm::cast<llvm::ConstantInt>(scatter.getArgOperand(2))->getMaybeAlignValue();
  for (const auto lane : lanes)
    builder.CreateAlignedStore(builder.CreateExtractElement(scatter.getArgOperand(0), lane),
                               address_of(builder, scatter.getArgOperand(1), lane), alignment);
  scatter.eraseFromParent();
}

}  // namespace

void access_few_lanes_alone(llvm::Module& module) {
  for (auto& function : module)
    for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
      auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
      if (!call) continue;
      if (call->getIntrinsicID() == llvm::Intrinsic::masked_gather) {
        if (const auto lanes = few_lanes(call->getArgOperand(2))) load_alone(*call, *lanes);
      } else if (call->getIntrinsicID() == llvm::Intrinsic::masked_scatter) {
        if (const auto lanes = few_lanes(call->getArgOperand(3))) store_alone(*call, *lanes);
      }
    }
}

}  // namespace anymetal::device::cpu
