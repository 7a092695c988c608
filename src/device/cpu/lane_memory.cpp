#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include "device/cpu/lane_emitter.hpp"

namespace anymetal::device::cpu {

llvm::SmallVector<llvm::Value*, 4> LaneEmitter::choose(Value* condition,
                                                       const std::function<llvm::SmallVector<Value*, 4>()>& then,
                                                       const std::function<llvm::SmallVector<Value*, 4>()>& otherwise) {
  auto* first_block = new_block("fast");
  auto* second_block = new_block("general");
  auto* join = new_block("join");
  builder_.CreateCondBr(condition, first_block, second_block);
  remembers_ = false;  // what is made in one of them is not known behind the join
  builder_.SetInsertPoint(first_block);
  const auto fast = then();
  auto* fast_end = builder_.GetInsertBlock();
  builder_.CreateBr(join);
  builder_.SetInsertPoint(second_block);
  const auto general = otherwise();
  auto* general_end = builder_.GetInsertBlock();
  builder_.CreateBr(join);
  builder_.SetInsertPoint(join);
  remembers_ = true;
  llvm::SmallVector<Value*, 4> results;
  for (std::size_t i = 0; i < fast.size(); ++i) {
    auto* phi = builder_.CreatePHI(fast[i]->getType(), 2);
    phi->addIncoming(fast[i], fast_end);
    phi->addIncoming(general[i], general_end);
    results.push_back(phi);
  }
  return results;
}

bool LaneEmitter::is_contiguous(Value* pointer, llvm::Type* accessed) const {
  const auto shape = shapes_.of(pointer);
  const auto bytes = layout_.getTypeStoreSize(accessed->getScalarType()).getFixedValue() * component_count(accessed);
  return shape.is_linear() && shape.stride == static_cast<std::int64_t>(bytes);
}

llvm::Value* LaneEmitter::contiguous_address(Value* pointer) {
  if (shapes_.of(pointer).conditional) relies_on_small_buffers_ = true;
  return first_of_active(pointer);
}

llvm::LoadInst* LaneEmitter::wide_load(llvm::Type* element, unsigned count, Value* pointer, llvm::Align alignment) {
  return builder_.CreateAlignedLoad(llvm::FixedVectorType::get(element, width_ * count), pointer, alignment);
}

void LaneEmitter::wide_store(llvm::ArrayRef<Value*> components, Value* pointer, llvm::Align alignment) {
  auto* wide = components.front();
  if (components.size() > 1) {
    wide = llvm::concatenateVectors(builder_, components);
    llvm::SmallVector<int, 128> order;
    for (unsigned lane = 0; lane < width_; ++lane)
      for (unsigned c = 0; c < components.size(); ++c) order.push_back(static_cast<int>(c * width_ + lane));
    wide = builder_.CreateShuffleVector(wide, order);
  }
  builder_.CreateAlignedStore(wide, pointer, alignment);
}

llvm::SmallVector<llvm::Value*, 4> LaneEmitter::split_components(Value* wide, unsigned count) {
  if (count == 1) return {wide};
  llvm::SmallVector<Value*, 4> components;
  for (unsigned c = 0; c < count; ++c) {
    llvm::SmallVector<int, kSimdWidth> picks;
    for (unsigned lane = 0; lane < width_; ++lane) picks.push_back(static_cast<int>(lane * count + c));
    components.push_back(builder_.CreateShuffleVector(wide, picks));
  }
  return components;
}

void LaneEmitter::emit_load(llvm::LoadInst& load) {
  auto* pointer = load.getPointerOperand();
  if (private_variable(pointer)) return emit_private_load(load);
  auto* element = load.getType()->getScalarType();
  const auto count = component_count(load.getType());
  const auto alignment = load.getAlign();
  if (!is_contiguous(pointer, load.getType()))
    return define_lanes(load, gather(element, count, addresses(pointer), alignment));

  auto* address = contiguous_address(pointer);
  auto whole = [&] { return split_components(wide_load(element, count, address, alignment), count); };
  if (full_) return define_lanes(load, whole());
  // As integers: not every target has masked accesses of 16-bit floats.
  auto* bits = element->isPointerTy() ? element : builder_.getIntNTy(element->getScalarSizeInBits());
  auto* wide = widened(bits);
  if (count == 1 && costs_.isLegalMaskedLoad(wide, alignment)) {
    auto* loaded = builder_.CreateMaskedLoad(wide, address, alignment, active());
    return define_lanes(load, {builder_.CreateBitCast(loaded, widened(element))});
  }
  const auto at = addresses(pointer);
  (void)active();
  auto* everyone = builder_.CreateICmpEQ(mask_, all_lanes());
  define_lanes(load, choose(everyone, whole, [&] { return gather(element, count, at, alignment); }));
}

void LaneEmitter::emit_store(llvm::StoreInst& store) {
  auto* pointer = store.getPointerOperand();
  auto* stored = store.getValueOperand();
  const auto count = component_count(stored->getType());
  const auto alignment = store.getAlign();
  llvm::SmallVector<Value*, 4> components;
  if (private_variable(pointer)) {
    for (unsigned c = 0; c < count; ++c) components.push_back(lanes(stored, c));
    return emit_private_store(store, components);
  }
  const auto shape = shapes_.of(pointer);
  if (shape.is_uniform() && shapes_.of(stored).is_uniform()) {
    builder_.CreateAlignedStore(first(stored), first(pointer), alignment, store.isVolatile());
    return;
  }
  for (unsigned c = 0; c < count; ++c) components.push_back(lanes(stored, c));
  auto* element = stored->getType()->getScalarType();
  if (shape.is_uniform()) {  // every lane to one place: the last one wins
    const auto bytes = layout_.getTypeStoreSize(element).getFixedValue();
    auto* zeros = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::ctlz, mask_, builder_.getTrue());
    auto* last = builder_.CreateSub(builder_.getInt32(31), zeros);
    for (unsigned c = 0; c < count; ++c) {
      auto* at = builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), first(pointer), c * bytes);
      builder_.CreateAlignedStore(builder_.CreateExtractElement(components[c], last), at,
                                  llvm::commonAlignment(alignment, c * bytes));
    }
    return;
  }
  if (!is_contiguous(pointer, stored->getType())) return scatter(addresses(pointer), components, alignment);

  auto* address = contiguous_address(pointer);
  if (full_) return wide_store(components, address, alignment);
  auto* bits = element->isPointerTy() ? element : builder_.getIntNTy(element->getScalarSizeInBits());
  auto* wide = widened(bits);
  if (count == 1 && costs_.isLegalMaskedStore(wide, alignment)) {
    builder_.CreateMaskedStore(builder_.CreateBitCast(components[0], wide), address, alignment, active());
    return;
  }
  const auto at = addresses(pointer);
  (void)active();
  auto* everyone = builder_.CreateICmpEQ(mask_, all_lanes());
  auto whole = [&]() -> llvm::SmallVector<Value*, 4> {
    wide_store(components, address, alignment);
    return {};
  };
  auto each = [&]() -> llvm::SmallVector<Value*, 4> {
    scatter(at, components, alignment);
    return {};
  };
  choose(everyone, whole, each);
}

}  // namespace anymetal::device::cpu
