#include "device/cpu/few_lanes.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>

#include <optional>

namespace anymetal::device::cpu {
namespace {

constexpr std::size_t kFew = 2;
/// What a lane's address may take: no more than taking it out of a vector that was made for it.
constexpr unsigned kFewOperations = 12;

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

/// A lane of a vector as it follows from splats and constants, by at most `budget` scalar operations; null where it
/// does not.
llvm::Value* computed_alone(llvm::IRBuilder<>& builder, llvm::Value* vector, unsigned lane, unsigned& budget) {
  if (auto* constant = llvm::dyn_cast<llvm::Constant>(vector)) return constant->getAggregateElement(lane);
  if (auto* same = llvm::getSplatValue(vector)) return same;
  auto* instruction = llvm::dyn_cast<llvm::Instruction>(vector);
  const auto* call = llvm::dyn_cast_or_null<llvm::IntrinsicInst>(instruction);
  const bool is_extreme = llvm::isa_and_nonnull<llvm::MinMaxIntrinsic>(call);
  if (!instruction || budget == 0 ||
      !(is_extreme || llvm::isa<llvm::BinaryOperator, llvm::TruncInst, llvm::ZExtInst, llvm::SExtInst>(instruction)))
    return nullptr;
  --budget;
  llvm::SmallVector<llvm::Value*, 2> operands;
  for (auto& operand : is_extreme ? llvm::cast<llvm::CallInst>(instruction)->args() : instruction->operands()) {
    auto* own = operand->getType()->isVectorTy() ? computed_alone(builder, operand, lane, budget) : nullptr;
    if (!own) return nullptr;
    operands.push_back(own);
  }
  if (is_extreme) return builder.CreateBinaryIntrinsic(call->getIntrinsicID(), operands[0], operands[1]);
  auto* made = instruction->isCast() ? builder.CreateCast(llvm::cast<llvm::CastInst>(instruction)->getOpcode(),
                                                          operands[0], instruction->getType()->getScalarType())
                                     : builder.CreateBinOp(llvm::cast<llvm::BinaryOperator>(instruction)->getOpcode(),
                                                           operands[0], operands[1]);
  if (auto* own = llvm::dyn_cast<llvm::Instruction>(made)) own->copyIRFlags(instruction);
  return made;
}

llvm::Value* lane_of(llvm::IRBuilder<>& builder, llvm::Value* vector, unsigned lane) {
  unsigned budget = kFewOperations;
  auto* alone = computed_alone(builder, vector, lane, budget);
  return alone ? alone : builder.CreateExtractElement(vector, lane);
}

/// The address of a lane; from the index it is made of, so that no vector of addresses is needed.
llvm::Value* address_of(llvm::IRBuilder<>& builder, llvm::Value* addresses, unsigned lane) {
  auto* step = llvm::dyn_cast<llvm::GetElementPtrInst>(addresses);
  if (!step || step->getNumIndices() != 1 || step->getPointerOperandType()->isVectorTy())
    return builder.CreateExtractElement(addresses, lane);
  auto* index = step->getOperand(1);
  const auto* wide = llvm::dyn_cast<llvm::CastInst>(index);
  auto* element = lane_of(builder, wide ? wide->getOperand(0) : index, lane);
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
