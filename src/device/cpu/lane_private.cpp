// Private variables: byte b of lane l's copy of an element of e bytes lies at 32 * (b - b % e) + l * e + b % e, so that
// one element of all lanes is one vector. Pointers to them are byte offsets while the function is emitted.

#include <llvm/ADT/MapVector.h>
#include <llvm/Analysis/ValueTracking.h>

#include "device/cpu/lane_emitter.hpp"
#include "device/cpu/region_origins.hpp"

namespace anymetal::device::cpu {

llvm::AllocaInst* private_variable(llvm::Value* pointer) {
  return llvm::dyn_cast<llvm::AllocaInst>(llvm::getUnderlyingObject(pointer, 0));
}

void LaneEmitter::emit_private_address(Instruction& address) {
  auto* step = llvm::cast<llvm::GetElementPtrInst>(&address);
  llvm::MapVector<Value*, llvm::APInt> variable;
  llvm::APInt constant(64, 0);
  step->collectOffset(layout_, 64, variable, constant);
  auto* word = builder_.getInt64Ty();
  const bool vector = !shapes_.of(&address).is_uniform();
  auto number = [&](const llvm::APInt& n) -> Value* {
    Value* scalar = llvm::ConstantInt::get(word, n);
    return vector ? splat(scalar) : scalar;
  };
  auto* type = vector ? static_cast<llvm::Type*>(widened(word)) : word;
  Value* total = vector ? lanes(step->getPointerOperand()) : first(step->getPointerOperand());
  total = builder_.CreateAdd(total, number(constant));
  for (const auto& [index, scale] : variable) {
    auto* wide = builder_.CreateSExtOrTrunc(vector ? lanes(index) : first(index), type);
    total = builder_.CreateAdd(total, builder_.CreateMul(wide, number(scale)));
  }
  define(address, vector ? LaneValue{nullptr, {total}} : LaneValue{total, {}});
}

llvm::Value* LaneEmitter::private_address(Value* pointer, unsigned byte, unsigned element_bytes) {
  auto* variable = private_variable(pointer);
  auto*& memory = private_[variable];
  if (!memory) {
    const auto bytes = layout_.getTypeAllocSize(variable->getAllocatedType()).getFixedValue() * width_;
    memory = stack_slot(llvm::ArrayType::get(builder_.getInt8Ty(), bytes), "private");
    memory->setAlignment(llvm::Align(128));
    if (origins_) origins_->mark_private(*memory);
  }
  auto* word = builder_.getInt64Ty();
  if (shapes_.of(pointer).is_uniform()) {
    auto* offset = builder_.CreateAdd(first(pointer), builder_.getInt64(byte));
    return builder_.CreateGEP(builder_.getInt8Ty(), memory, builder_.CreateMul(offset, builder_.getInt64(width_)));
  }
  llvm::SmallVector<llvm::Constant*, kSimdWidth> own;
  for (unsigned lane = 0; lane < width_; ++lane) own.push_back(llvm::ConstantInt::get(word, lane * element_bytes));
  auto* offsets = builder_.CreateAdd(lanes(pointer), splat(builder_.getInt64(byte)));
  offsets =
      builder_.CreateAdd(builder_.CreateMul(offsets, splat(builder_.getInt64(width_))), llvm::ConstantVector::get(own));
  return builder_.CreateGEP(builder_.getInt8Ty(), memory, offsets);
}

void LaneEmitter::emit_private_load(llvm::LoadInst& load) {
  auto* element = load.getType()->getScalarType();
  const auto bytes = static_cast<unsigned>(layout_.getTypeStoreSize(element).getFixedValue());
  llvm::SmallVector<Value*, 4> components;
  for (unsigned c = 0; c < component_count(load.getType()); ++c) {
    auto* address = private_address(load.getPointerOperand(), c * bytes, bytes);
    if (address->getType()->isVectorTy()) {
      components.push_back(gather(element, 1, {nullptr, address}, llvm::Align(bytes)).front());
    } else {
      auto* loaded = wide_load(element, 1, address, llvm::Align(bytes * width_));
      loaded->setVolatile(load.isVolatile());
      components.push_back(loaded);
    }
  }
  define_lanes(load, components);
}

void LaneEmitter::emit_private_store(llvm::StoreInst& store, llvm::ArrayRef<Value*> components) {
  const auto bytes =
      static_cast<unsigned>(layout_.getTypeStoreSize(components.front()->getType()->getScalarType()).getFixedValue());
  for (unsigned c = 0; c < components.size(); ++c) {
    auto* address = private_address(store.getPointerOperand(), c * bytes, bytes);
    if (address->getType()->isVectorTy()) {
      scatter({nullptr, address}, {components[c]}, llvm::Align(bytes));
      continue;
    }
    const llvm::Align alignment(bytes * width_);
    auto* value = components[c];
    if (!full_)
      value =
          builder_.CreateSelect(active(), value, wide_load(value->getType()->getScalarType(), 1, address, alignment));
    builder_.CreateAlignedStore(value, address, alignment, store.isVolatile());
  }
}

void LaneEmitter::emit_private_fill(llvm::CallInst& fill) {
  const auto bytes = llvm::cast<llvm::ConstantInt>(fill.getArgOperand(2))->getZExtValue();
  auto* byte = llvm::cast<llvm::ConstantInt>(fill.getArgOperand(1));
  // The element size of the variable is that of its accesses; a fill by constant bytes may be done in any, as long as
  // whole elements are covered: it fills 32 copies of the range.
  auto* pointer = fill.getArgOperand(0);
  auto* address = private_address(pointer, 0, 1);
  builder_.CreateMemSet(address, byte, bytes * width_, llvm::Align(1));
}

}  // namespace anymetal::device::cpu
