// Addresses that differ between lanes. Where near_addresses.hpp allows it they are 32-bit distances from the middle of
// the largest buffer that the kernel's argument may be.

#include <llvm/ADT/MapVector.h>
#include <llvm/Analysis/TargetTransformInfo.h>

#include "device/cpu/lane_emitter.hpp"

namespace anymetal::device::cpu {

bool gathers_words(const llvm::TargetTransformInfo& costs, llvm::LLVMContext& context, unsigned count) {
  auto* words = llvm::FixedVectorType::get(llvm::Type::getInt32Ty(context), count);
  return costs.isLegalMaskedGather(words, llvm::Align(4)) && !costs.forceScalarizeMaskedGather(words, llvm::Align(4));
}

void LaneEmitter::find_near() {
  gathers_ = gathers_words(costs_, builder_.getContext(), width_);
  if (gathers_ && buffers_ == Buffers::Small) near_ = NearAddresses(order_, loops_, shapes_);
}

LaneAddresses LaneEmitter::addresses(Value* pointer) {
  const auto* buffer = near_.buffer_of(pointer);
  // One that is no progression and not near is there as a whole address.
  if (!gathers_ || !buffer || (shapes_.of(pointer).is_divergent() && !near_.contains(pointer)))
    return {nullptr, lanes(pointer)};
  if (buffer != thread_.threadgroup_memory()) relies_on_small_buffers_ = true;
  return {middle_of(*buffer), distances(pointer, *buffer)};
}

llvm::Value* LaneEmitter::pointers_at(const LaneAddresses& addresses, std::uint64_t offset) {
  auto* byte = builder_.getInt8Ty();
  if (!addresses.middle)
    return offset ? builder_.CreateGEP(byte, addresses.lanes, builder_.getInt64(offset)) : addresses.lanes;
  auto* middle = offset ? builder_.CreateConstGEP1_64(byte, addresses.middle, offset) : addresses.middle;
  return builder_.CreateGEP(byte, middle, addresses.lanes);
}

llvm::Value* LaneEmitter::middle_of(const llvm::Argument& buffer) {
  return builder_.CreateConstGEP1_64(builder_.getInt8Ty(), target_->getArg(buffer.getArgNo()), kNearMiddle);
}

/// How far lanes' addresses in `buffer` are from its middle, modulo 2^32.
llvm::Value* LaneEmitter::distances(Value* pointer, const llvm::Argument& buffer) {
  if (near_.contains(pointer)) return value(pointer).lanes.front();
  const auto shape = shapes_.of(pointer);
  auto* step = llvm::dyn_cast<llvm::GetElementPtrInst>(pointer);
  if (shape.conditional && step && near_.buffer_of(step->getPointerOperand())) return moved_on(*step, buffer);
  auto* word = builder_.getInt64Ty();
  auto distance = [&](Value* addresses, Value* middle) -> Value* {
    auto* type = addresses->getType()->getWithNewType(word);
    auto* narrow = addresses->getType()->getWithNewType(builder_.getInt32Ty());
    return builder_.CreateTrunc(builder_.CreateSub(builder_.CreatePtrToInt(addresses, type), middle), narrow);
  };
  auto* middle = builder_.CreatePtrToInt(middle_of(buffer), word);
  if (shape.is_divergent() || shape.conditional) return distance(lanes(pointer), splat(middle));
  auto* own = pointer == &buffer ? builder_.getInt32(static_cast<std::uint32_t>(-kNearMiddle))
                                 : distance(first(pointer), middle);
  if (shape.is_uniform()) return splat(own);
  llvm::SmallVector<llvm::Constant*, kSimdWidth> steps;
  for (unsigned lane = 0; lane < width_; ++lane)
    steps.push_back(builder_.getInt32(static_cast<std::uint32_t>(shape.stride * lane)));
  return builder_.CreateAdd(splat(own), llvm::ConstantVector::get(steps));
}

llvm::Value* LaneEmitter::moved_on(llvm::GetElementPtrInst& step, const llvm::Argument& buffer) {
  llvm::MapVector<Value*, llvm::APInt> indices;
  llvm::APInt constant(64, 0);
  step.collectOffset(layout_, 64, indices, constant);
  auto* word = builder_.getInt32Ty();
  auto number = [&](const llvm::APInt& n) { return llvm::ConstantInt::get(word, n.trunc(32)); };
  auto* total = distances(step.getPointerOperand(), buffer);
  for (const auto& [index, scale] : indices) {
    const bool same = shapes_.of(index).is_uniform();
    auto* own = same ? first(index) : lanes(index);
    auto* type = same ? static_cast<llvm::Type*>(word) : widened(word);
    auto* wide = builder_.CreateSExtOrTrunc(own, type);
    auto* factor = same ? static_cast<Value*>(number(scale)) : splat(number(scale));
    auto* bytes = builder_.CreateMul(wide, factor);
    total = builder_.CreateAdd(total, same ? splat(bytes) : bytes);
  }
  return constant.isZero() ? total : builder_.CreateAdd(total, splat(number(constant)));
}

llvm::Value* LaneEmitter::emit_distances(Instruction& address) {
  const auto& buffer = *near_.buffer_of(&address);
  if (auto* step = llvm::dyn_cast<llvm::GetElementPtrInst>(&address)) return moved_on(*step, buffer);
  if (llvm::isa<llvm::FreezeInst>(address)) return builder_.CreateFreeze(distances(address.getOperand(0), buffer));
  auto& select = llvm::cast<llvm::SelectInst>(address);
  auto* condition = select.getCondition();
  auto* chosen = shapes_.of(condition).is_uniform() ? first(condition) : lanes(condition);
  return builder_.CreateSelect(chosen, distances(select.getTrueValue(), buffer),
                               distances(select.getFalseValue(), buffer));
}

}  // namespace anymetal::device::cpu
