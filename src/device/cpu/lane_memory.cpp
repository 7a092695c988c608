#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/lane_emitter.hpp"

#include <llvm/ADT/MapVector.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

namespace anymetal::device::cpu {
namespace {

llvm::ConstantInt* mask_of_all(llvm::IRBuilder<>& builder) { return builder.getInt32(~0u); }

}  // namespace

llvm::AllocaInst* private_variable(llvm::Value* pointer) {
  return llvm::dyn_cast<llvm::AllocaInst>(llvm::getUnderlyingObject(pointer, 0));
}

llvm::SmallVector<llvm::Value*, 4> LaneEmitter::choose(
    Value* condition, const std::function<llvm::SmallVector<Value*, 4>()>& then,
    const std::function<llvm::SmallVector<Value*, 4>()>& otherwise) {
  if (const auto* known = llvm::dyn_cast<llvm::ConstantInt>(condition)) return known->isZero() ? otherwise() : then();
  auto block = [&](const char* name) { return llvm::BasicBlock::Create(builder_.getContext(), name, target_); };
  auto* first_block = block("fast");
  auto* second_block = block("general");
  auto* join = block("join");
  builder_.CreateCondBr(condition, first_block, second_block);
  builder_.SetInsertPoint(first_block);
  const auto fast = then();
  auto* fast_end = builder_.GetInsertBlock();
  builder_.CreateBr(join);
  builder_.SetInsertPoint(second_block);
  auto* saved_active = active_;
  const auto general = otherwise();
  active_ = saved_active;  // one made in there is not known behind the join
  auto* general_end = builder_.GetInsertBlock();
  builder_.CreateBr(join);
  builder_.SetInsertPoint(join);
  llvm::SmallVector<Value*, 4> results;
  for (std::size_t i = 0; i < fast.size(); ++i) {
    auto* phi = builder_.CreatePHI(fast[i]->getType(), 2);
    phi->addIncoming(fast[i], fast_end);
    phi->addIncoming(general[i], general_end);
    results.push_back(phi);
  }
  return results;
}

void LaneEmitter::for_each_active(const std::function<void(Value*)>& body) {
  auto* before = builder_.GetInsertBlock();
  auto* loop = llvm::BasicBlock::Create(builder_.getContext(), "lane", target_);
  auto* after = llvm::BasicBlock::Create(builder_.getContext(), "lanes.end", target_);
  builder_.CreateBr(loop);  // a block runs for one lane at least
  builder_.SetInsertPoint(loop);
  auto* left = builder_.CreatePHI(builder_.getInt32Ty(), 2);
  left->addIncoming(mask_, before);
  auto* lane = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, left, builder_.getTrue());
  body(builder_.CreateZExt(lane, builder_.getInt64Ty()));
  auto* rest = builder_.CreateAnd(left, builder_.CreateSub(left, builder_.getInt32(1)));
  left->addIncoming(rest, builder_.GetInsertBlock());
  builder_.CreateCondBr(builder_.CreateIsNull(rest), after, loop);
  builder_.SetInsertPoint(after);
}

llvm::Value* LaneEmitter::spill(Value* vector) {
  auto* element = vector->getType()->getScalarType();
  auto* slot = stack_slot(llvm::ArrayType::get(element, kLanes));
  if (element->isIntegerTy(1)) {
    slot = stack_slot(llvm::ArrayType::get(builder_.getInt8Ty(), kLanes));
    vector = builder_.CreateZExt(vector, llvm::FixedVectorType::get(builder_.getInt8Ty(), kLanes));
  }
  builder_.CreateAlignedStore(vector, slot, slot->getAlign());
  return slot;
}

llvm::Value* LaneEmitter::lane_of(Value* spilled, llvm::Type* element, Value* lane) {
  auto* memory = element->isIntegerTy(1) ? builder_.getInt8Ty() : element;
  auto* value = builder_.CreateLoad(memory, builder_.CreateInBoundsGEP(memory, spilled, lane));
  return element->isIntegerTy(1) ? builder_.CreateTrunc(value, element) : static_cast<Value*>(value);
}

llvm::Value* LaneEmitter::wide_load(llvm::Type* element, unsigned count, Value* pointer, llvm::Align alignment) {
  return builder_.CreateAlignedLoad(llvm::FixedVectorType::get(element, kLanes * count), pointer, alignment);
}

llvm::SmallVector<llvm::Value*, 4> LaneEmitter::split_components(Value* wide, unsigned count) {
  if (count == 1) return {wide};
  llvm::SmallVector<Value*, 4> components;
  for (unsigned c = 0; c < count; ++c) {
    llvm::SmallVector<int, kLanes> picks;
    for (unsigned lane = 0; lane < kLanes; ++lane) picks.push_back(static_cast<int>(lane * count + c));
    components.push_back(builder_.CreateShuffleVector(wide, picks));
  }
  return components;
}

llvm::Value* LaneEmitter::safe_pointers(Value* pointers) {
  if (full_) return pointers;
  // Lanes elsewhere read where the first active lane reads: no branches, and nothing a lane does not read anyway.
  auto* lane = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, mask_, builder_.getTrue());
  return builder_.CreateSelect(active(), pointers, splat(builder_.CreateExtractElement(pointers, lane)));
}

llvm::SmallVector<llvm::Value*, 4> LaneEmitter::gather(llvm::Type* element, unsigned count, Value* pointers,
                                                       llvm::Align alignment) {
  pointers = safe_pointers(pointers);
  auto* type = llvm::FixedVectorType::get(element, kLanes);
  const auto bytes = layout_.getTypeStoreSize(element).getFixedValue();
  llvm::SmallVector<Value*, 4> components;
  for (unsigned c = 0; c < count; ++c) {
    auto* at = c ? builder_.CreateGEP(builder_.getInt8Ty(), pointers, builder_.getInt64(c * bytes)) : pointers;
    components.push_back(builder_.CreateMaskedGather(type, at, llvm::commonAlignment(alignment, c * bytes)));
  }
  return components;
}

void LaneEmitter::scatter(Value* pointers, llvm::ArrayRef<Value*> components, llvm::Align alignment) {
  const auto bytes = layout_.getTypeStoreSize(components.front()->getType()->getScalarType()).getFixedValue();
  if (full_) {
    for (unsigned c = 0; c < components.size(); ++c) {
      auto* at = c ? builder_.CreateGEP(builder_.getInt8Ty(), pointers, builder_.getInt64(c * bytes)) : pointers;
      builder_.CreateMaskedScatter(components[c], at, llvm::commonAlignment(alignment, c * bytes));
    }
    return;
  }
  auto* addresses = spill(pointers);
  llvm::SmallVector<Value*, 4> spilled;
  for (auto* component : components) spilled.push_back(spill(component));
  for_each_active([&](Value* lane) {
    auto* address = lane_of(addresses, builder_.getPtrTy(), lane);
    for (unsigned c = 0; c < components.size(); ++c) {
      auto* value = lane_of(spilled[c], components[c]->getType()->getScalarType(), lane);
      auto* at = builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), address, c * bytes);
      builder_.CreateAlignedStore(value, at, llvm::commonAlignment(alignment, c * bytes));
    }
  });
}

void LaneEmitter::emit_load(llvm::LoadInst& load) {
  auto* pointer = load.getPointerOperand();
  if (private_variable(pointer)) return emit_private_load(load);
  auto* element = load.getType()->getScalarType();
  const auto count = component_count(load.getType());
  const auto bytes = layout_.getTypeStoreSize(element).getFixedValue();
  const auto shape = shapes_.of(pointer);
  const auto alignment = load.getAlign();
  auto general = [&] { return gather(element, count, lanes(pointer), alignment); };
  if (!shape.is_linear() || shape.stride != static_cast<std::int64_t>(bytes * count))
    return define_lanes(load, general());

  const auto address = value(pointer);
  auto* holds = address.holds ? address.holds : builder_.getTrue();
  auto contiguous = [&] { return split_components(wide_load(element, count, address.first, alignment), count); };
  if (full_) return define_lanes(load, choose(holds, contiguous, general));
  const auto masked = [&]() -> llvm::SmallVector<Value*, 4> {
    auto* type = llvm::FixedVectorType::get(element, kLanes);
    return {builder_.CreateMaskedLoad(type, address.first, alignment, active())};
  };
  (void)active();
  if (count == 1 && bytes >= 4) return define_lanes(load, choose(holds, masked, general));
  auto* everyone = builder_.CreateAnd(holds, builder_.CreateICmpEQ(mask_, mask_of_all(builder_)));
  define_lanes(load, choose(everyone, contiguous, general));
}

void LaneEmitter::emit_store(llvm::StoreInst& store) {
  auto* pointer = store.getPointerOperand();
  auto* stored = store.getValueOperand();
  const auto count = component_count(stored->getType());
  llvm::SmallVector<Value*, 4> components;
  if (private_variable(pointer)) {
    for (unsigned c = 0; c < count; ++c) components.push_back(lanes(stored, c));
    return emit_private_store(pointer, components);
  }
  const auto shape = shapes_.of(pointer);
  if (shape.is_uniform() && shapes_.of(stored).is_uniform()) {
    builder_.CreateAlignedStore(first(stored), first(pointer), store.getAlign(), store.isVolatile());
    return;
  }
  for (unsigned c = 0; c < count; ++c) components.push_back(lanes(stored, c));
  const auto bytes = layout_.getTypeStoreSize(stored->getType()->getScalarType()).getFixedValue();
  if (shape.is_uniform()) {  // every lane to one place: the last one wins
    auto* zeros = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::ctlz, mask_, builder_.getTrue());
    auto* last = builder_.CreateSub(builder_.getInt32(kLanes - 1), zeros);
    for (unsigned c = 0; c < count; ++c) {
      auto* at = builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), first(pointer), c * bytes);
      builder_.CreateAlignedStore(builder_.CreateExtractElement(components[c], last), at,
                                  llvm::commonAlignment(store.getAlign(), c * bytes));
    }
    return;
  }
  auto general = [&]() -> llvm::SmallVector<Value*, 4> {
    scatter(lanes(pointer), components, store.getAlign());
    return {};
  };
  if (!shape.is_linear() || shape.stride != static_cast<std::int64_t>(bytes * count)) {
    general();
    return;
  }
  const auto address = value(pointer);
  auto contiguous = [&]() -> llvm::SmallVector<Value*, 4> {
    Value* wide = components.front();
    if (count > 1) {
      llvm::SmallVector<int, 128> order;
      for (unsigned lane = 0; lane < kLanes; ++lane)
        for (unsigned c = 0; c < count; ++c) order.push_back(static_cast<int>(c * kLanes + lane));
      while (llvm::popcount(components.size()) != 1) components.push_back(llvm::PoisonValue::get(wide->getType()));
      llvm::SmallVector<Value*, 4> parts(components);
      while (parts.size() > 1) {
        llvm::SmallVector<Value*, 4> halves;
        for (std::size_t i = 0; i < parts.size(); i += 2) {
          const auto width = llvm::cast<llvm::FixedVectorType>(parts[i]->getType())->getNumElements();
          llvm::SmallVector<int, 128> both;
          for (unsigned e = 0; e < 2 * width; ++e) both.push_back(static_cast<int>(e));
          halves.push_back(builder_.CreateShuffleVector(parts[i], parts[i + 1], both));
        }
        parts = halves;
      }
      wide = builder_.CreateShuffleVector(parts.front(), order);
    }
    builder_.CreateAlignedStore(wide, address.first, store.getAlign());
    return {};
  };
  Value* everyone = address.holds ? address.holds : builder_.getTrue();
  if (!full_) everyone = builder_.CreateAnd(everyone, builder_.CreateICmpEQ(mask_, mask_of_all(builder_)));
  (void)active();
  choose(everyone, contiguous, general);
}

// Private variables: byte b of lane l's copy of an element of e bytes lies at 32 * (b - b % e) + l * e + b % e, so that
// one element of all lanes is one vector. Pointers to them are byte offsets while the function is emitted.

void LaneEmitter::emit_private_address(Instruction& address) {
  auto* step = llvm::cast<llvm::GetElementPtrInst>(&address);
  llvm::MapVector<Value*, llvm::APInt> variable;
  llvm::APInt constant(64, 0);
  step->collectOffset(layout_, 64, variable, constant);
  auto* word = builder_.getInt64Ty();
  auto sum = [&](bool vector) {
    auto number = [&](const llvm::APInt& n) -> Value* {
      Value* scalar = llvm::ConstantInt::get(word, n);
      return vector ? splat(scalar) : scalar;
    };
    auto* type = vector ? static_cast<llvm::Type*>(llvm::FixedVectorType::get(word, kLanes)) : word;
    Value* total = vector ? lanes(step->getPointerOperand()) : first(step->getPointerOperand());
    total = builder_.CreateAdd(total, number(constant));
    for (const auto& [index, scale] : variable) {
      auto* wide = builder_.CreateSExtOrTrunc(vector ? lanes(index) : first(index), type);
      total = builder_.CreateAdd(total, builder_.CreateMul(wide, number(scale)));
    }
    return total;
  };
  const auto shape = shapes_.of(&address);
  LaneValue result;
  if (!shape.is_divergent()) result.first = sum(false);
  if (shape.conditional) {
    result.holds = value(step->getPointerOperand()).holds;
    for (const auto& [index, scale] : variable)
      if (auto* holds = value(index).holds) result.holds = result.holds ? builder_.CreateAnd(result.holds, holds) : holds;
  }
  if (shape.is_divergent() || shape.conditional) result.lanes.push_back(sum(true));
  define(address, result);
}

llvm::Value* LaneEmitter::private_address(Value* pointer, unsigned byte, unsigned element_bytes) {
  auto* variable = private_variable(pointer);
  auto*& memory = private_[variable];
  if (!memory) {
    const auto bytes = layout_.getTypeAllocSize(variable->getAllocatedType()).getFixedValue() * kLanes;
    memory = stack_slot(llvm::ArrayType::get(builder_.getInt8Ty(), bytes), "private");
    memory->setAlignment(llvm::Align(128));
  }
  auto* word = builder_.getInt64Ty();
  if (shapes_.of(pointer).is_uniform()) {
    auto* offset = builder_.CreateAdd(first(pointer), builder_.getInt64(byte));
    return builder_.CreateGEP(builder_.getInt8Ty(), memory, builder_.CreateMul(offset, builder_.getInt64(kLanes)));
  }
  llvm::SmallVector<llvm::Constant*, kLanes> own;
  for (unsigned lane = 0; lane < kLanes; ++lane) own.push_back(llvm::ConstantInt::get(word, lane * element_bytes));
  auto* offsets = builder_.CreateAdd(lanes(pointer), splat(builder_.getInt64(byte)));
  offsets = builder_.CreateAdd(builder_.CreateMul(offsets, splat(builder_.getInt64(kLanes))), llvm::ConstantVector::get(own));
  return builder_.CreateGEP(builder_.getInt8Ty(), memory, offsets);
}

void LaneEmitter::emit_private_load(llvm::LoadInst& load) {
  auto* element = load.getType()->getScalarType();
  const auto bytes = static_cast<unsigned>(layout_.getTypeStoreSize(element).getFixedValue());
  llvm::SmallVector<Value*, 4> components;
  for (unsigned c = 0; c < component_count(load.getType()); ++c) {
    auto* address = private_address(load.getPointerOperand(), c * bytes, bytes);
    if (address->getType()->isVectorTy()) {
      components.push_back(gather(element, 1, address, llvm::Align(bytes)).front());
    } else {
      components.push_back(wide_load(element, 1, address, llvm::Align(bytes * kLanes)));
    }
  }
  define_lanes(load, components);
}

void LaneEmitter::emit_private_store(Value* pointer, llvm::ArrayRef<Value*> components) {
  const auto bytes =
      static_cast<unsigned>(layout_.getTypeStoreSize(components.front()->getType()->getScalarType()).getFixedValue());
  for (unsigned c = 0; c < components.size(); ++c) {
    auto* address = private_address(pointer, c * bytes, bytes);
    if (address->getType()->isVectorTy()) {
      scatter(address, {components[c]}, llvm::Align(bytes));
      continue;
    }
    const llvm::Align alignment(bytes * kLanes);
    auto* value = components[c];
    if (!full_)
      value = builder_.CreateSelect(active(), value, wide_load(value->getType()->getScalarType(), 1, address, alignment));
    builder_.CreateAlignedStore(value, address, alignment);
  }
}

void LaneEmitter::emit_private_fill(llvm::CallInst& fill) {
  const auto bytes = llvm::cast<llvm::ConstantInt>(fill.getArgOperand(2))->getZExtValue();
  auto* byte = llvm::cast<llvm::ConstantInt>(fill.getArgOperand(1));
  // The element size of the variable is that of its accesses; a fill by constant bytes may be done in any, as long as
  // whole elements are covered: it fills 32 copies of the range.
  auto* pointer = fill.getArgOperand(0);
  auto* address = private_address(pointer, 0, 1);
  builder_.CreateMemSet(address, byte, bytes * kLanes, llvm::Align(1));
}

}  // namespace anymetal::device::cpu
