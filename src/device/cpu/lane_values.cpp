#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/lane_emitter.hpp"

#include <llvm/IR/Constants.h>

namespace anymetal::device::cpu {

unsigned component_count(llvm::Type* type) {
  if (const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(type)) return vector->getNumElements();
  if (const auto* structure = llvm::dyn_cast<llvm::StructType>(type)) return structure->getNumElements();
  return 1;
}

llvm::Type* component_type(llvm::Type* type, unsigned component) {
  if (const auto* structure = llvm::dyn_cast<llvm::StructType>(type)) return structure->getElementType(component);
  return type->getScalarType();
}

llvm::AllocaInst* LaneEmitter::stack_slot(llvm::Type* type, const llvm::Twine& name) {
  llvm::IRBuilder<> builder(slots_block_);
  return builder.CreateAlloca(type, nullptr, name);
}

LaneEmitter::Slots& LaneEmitter::slots_of(const Instruction& instruction) {
  auto& slots = slots_[&instruction];
  const auto shape = shapes_.of(&instruction);
  auto* type = private_variable(const_cast<Instruction*>(&instruction)) && instruction.getType()->isPointerTy()
                   ? builder_.getInt64Ty()
                   : instruction.getType();
  if (!shape.is_divergent() && !slots.first) slots.first = stack_slot(type);
  if (shape.conditional && !slots.holds) slots.holds = stack_slot(builder_.getInt1Ty());
  if ((shape.is_divergent() || shape.conditional) && slots.lanes.empty())
    for (unsigned c = 0; c < component_count(type); ++c)
      slots.lanes.push_back(stack_slot(llvm::FixedVectorType::get(component_type(type, c), kLanes)));
  return slots;
}

LaneValue LaneEmitter::load_slots(const Instruction& instruction) {
  const auto& slots = slots_of(instruction);
  auto load = [&](llvm::AllocaInst* slot) { return builder_.CreateLoad(slot->getAllocatedType(), slot); };
  LaneValue result;
  if (slots.first) result.first = load(slots.first);
  if (slots.holds) result.holds = load(slots.holds);
  for (auto* slot : slots.lanes) result.lanes.push_back(load(slot));
  return result;
}

void LaneEmitter::store_slots(const Instruction& instruction, const LaneValue& value, Value* edge_mask) {
  const auto& slots = slots_of(instruction);
  auto store = [&](Value* now, llvm::AllocaInst* slot, Value* condition) {
    if (condition) now = builder_.CreateSelect(condition, now, builder_.CreateLoad(slot->getAllocatedType(), slot));
    builder_.CreateStore(now, slot);
  };
  auto* any = edge_mask ? builder_.CreateIsNotNull(edge_mask) : nullptr;
  if (slots.first) store(value.first, slots.first, any);
  if (slots.holds) store(value.holds ? value.holds : builder_.getTrue(), slots.holds, any);
  Value* each = nullptr;
  if (edge_mask && !slots.lanes.empty())
    each = builder_.CreateBitCast(edge_mask, llvm::FixedVectorType::get(builder_.getInt1Ty(), kLanes));
  for (std::size_t c = 0; c < slots.lanes.size(); ++c) store(value.lanes[c], slots.lanes[c], each);
}

LaneValue LaneEmitter::value(Value* original) {
  if (auto* argument = llvm::dyn_cast<llvm::Argument>(original)) return arguments_.lookup(argument);
  auto* instruction = llvm::dyn_cast<Instruction>(original);
  if (!instruction) return {original, nullptr, {}};
  const auto found = known_.find(original);
  if (found != known_.end()) return found->second;
  auto loaded = load_slots(*instruction);
  known_[original] = loaded;
  return loaded;
}

llvm::Value* LaneEmitter::component_of(Value* aggregate, unsigned component) {
  if (aggregate->getType()->isVectorTy()) return builder_.CreateExtractElement(aggregate, component);
  if (aggregate->getType()->isStructTy()) return builder_.CreateExtractValue(aggregate, component);
  return aggregate;
}

llvm::Value* LaneEmitter::lanes(Value* original, unsigned component) {
  const auto known = value(original);
  if (!known.lanes.empty()) return known.lanes[component];
  const auto shape = shapes_.of(original);
  if (shape.is_uniform()) return splat(component_of(known.first, component));
  // first + lane * stride
  auto* type = known.first->getType();
  llvm::SmallVector<llvm::Constant*, kLanes> steps;
  auto* step_type = type->isPointerTy() ? builder_.getInt64Ty() : type;
  for (unsigned lane = 0; lane < kLanes; ++lane)
    steps.push_back(llvm::ConstantInt::get(step_type, static_cast<std::uint64_t>(shape.stride * lane), true));
  auto* offsets = llvm::ConstantVector::get(steps);
  if (type->isPointerTy()) return builder_.CreateGEP(builder_.getInt8Ty(), known.first, offsets);
  return builder_.CreateAdd(splat(known.first), offsets);
}

void LaneEmitter::define(Instruction& instruction, const LaneValue& defined) {
  known_[&instruction] = defined;
  if (instruction.isUsedOutsideOfBlock(instruction.getParent())) store_slots(instruction, defined, nullptr);
}

LaneValue LaneEmitter::parameter_value(llvm::Argument* argument) {
  auto* parameter = target_->getArg(argument->getArgNo());
  if (!shapes_.of(argument).is_divergent()) return {parameter, nullptr, {}};
  // Positions in a row that the simdgroup does not fill: each lane's from its linear index.
  auto* index = target_->getArg(thread_.geometry(kThreadIndex)->getArgNo());
  auto size = [&](unsigned d) { return splat(target_->getArg(thread_.geometry(kThreadsPerGroup + d)->getArgNo())); };
  llvm::SmallVector<llvm::Constant*, kLanes> steps;
  for (unsigned lane = 0; lane < kLanes; ++lane) steps.push_back(builder_.getInt32(lane));
  auto* indices = builder_.CreateAdd(splat(index), llvm::ConstantVector::get(steps));
  auto* row = builder_.CreateUDiv(indices, size(0));
  if (argument == thread_.geometry(kThread)) return {nullptr, nullptr, {builder_.CreateURem(indices, size(0))}};
  if (argument == thread_.geometry(kThread + 1)) return {nullptr, nullptr, {builder_.CreateURem(row, size(1))}};
  return {nullptr, nullptr, {builder_.CreateUDiv(row, size(1))}};
}

}  // namespace anymetal::device::cpu
