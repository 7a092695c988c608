#include <llvm/IR/Constants.h>
#include <llvm/IR/Intrinsics.h>

#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/lane_emitter.hpp"
#include "device/cpu/region_origins.hpp"

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

const llvm::PHINode* keeper_of_last(const llvm::PHINode& phi, const llvm::LoopInfo& loops) {
  const auto* latch = phi.getParent()->getSinglePredecessor();
  const auto* loop = latch ? loops.getLoopFor(latch) : nullptr;
  if (!loop || loop->getLoopLatch() != latch || loops.getLoopFor(phi.getParent()) != loop->getParentLoop())
    return nullptr;
  for (const auto& header : loop->getHeader()->phis())
    if (header.getIncomingValueForBlock(latch) == phi.getIncomingValueForBlock(latch) &&
        !private_variable(const_cast<llvm::PHINode*>(&header)))
      return &header;
  return nullptr;
}

llvm::AllocaInst* LaneEmitter::stack_slot(llvm::Type* type, const llvm::Twine& name) {
  llvm::IRBuilder<> builder(slots_block_);
  return builder.CreateAlloca(type, nullptr, name);
}

void LaneEmitter::find_kept() {
  llvm::SmallVector<const Instruction*, 32> open;
  for (const llvm::BasicBlock* block : order_)
    for (const auto& instruction : *block)
      if (instruction.isUsedOutsideOfBlock(block)) open.push_back(&instruction);
  while (!open.empty()) {
    const auto* instruction = open.pop_back_val();
    if (!kept_.insert(instruction).second) continue;
    // The lanes of a conditional value are made where they are asked for.
    if (!shapes_.of(instruction).conditional || llvm::isa<llvm::PHINode>(instruction)) continue;
    for (const auto& operand : instruction->operands())
      if (const auto* made = llvm::dyn_cast<Instruction>(operand.get())) open.push_back(made);
  }
}

void LaneEmitter::find_shared() {
  for (const llvm::BasicBlock* block : order_)
    for (const auto& phi : block->phis()) {
      const auto* owner = keeper_of_last(phi, loops_);
      if (!owner || !shapes_.of(&phi).is_divergent() || !shapes_.of(owner).is_divergent()) continue;
      const auto* latch = block->getSinglePredecessor();
      if (!shapes_.is_partial(latch) && !parts_lanes(latch))
        continue;  // all leave, or none: ways have stores of their own
      shared_[&phi] = owner;
      keeps_last_.insert(owner);
      if (origins_) origins_->mark_shared(phi, *owner);
    }
}

LaneEmitter::Slots& LaneEmitter::slots_of(const Instruction& instruction) {
  if (const auto* owner = shared_.lookup(&instruction)) return slots_of(*owner);
  auto& slots = slots_[&instruction];
  const auto shape = shapes_.of(&instruction);
  auto* type = private_variable(const_cast<Instruction*>(&instruction)) && instruction.getType()->isPointerTy()
                   ? builder_.getInt64Ty()
               : near_.contains(&instruction) ? builder_.getInt32Ty()
                                              : instruction.getType();
  const bool divergent = shape.is_divergent() || (shape.conditional && llvm::isa<llvm::PHINode>(instruction));
  auto make = [&](llvm::Type* of) {
    auto* slot = stack_slot(of);
    if (origins_) origins_->mark_slot(*slot, instruction);
    return slot;
  };
  if (!shape.is_divergent() && !slots.first) slots.first = make(type);
  if (divergent && slots.lanes.empty())
    for (unsigned c = 0; c < component_count(type); ++c) slots.lanes.push_back(make(widened(component_type(type, c))));
  return slots;
}

LaneValue LaneEmitter::load_slots(const Instruction& instruction) {
  const auto& slots = slots_of(instruction);
  auto load = [&](llvm::AllocaInst* slot) { return builder_.CreateLoad(slot->getAllocatedType(), slot); };
  LaneValue result;
  if (slots.first) result.first = load(slots.first);
  for (auto* slot : slots.lanes) result.lanes.push_back(load(slot));
  return result;
}

void LaneEmitter::store_slots(const Instruction& instruction, const LaneValue& value, Value* edge_mask) {
  const auto& slots = slots_of(instruction);
  auto store = [&](Value* now, llvm::AllocaInst* slot, Value* condition) {
    if (condition) now = builder_.CreateSelect(condition, now, builder_.CreateLoad(slot->getAllocatedType(), slot));
    builder_.CreateStore(now, slot);
  };
  if (slots.first) store(value.first, slots.first, edge_mask ? builder_.CreateIsNotNull(edge_mask) : nullptr);
  Value* each = nullptr;
  if (edge_mask && !slots.lanes.empty()) each = as_lanes(edge_mask);
  for (std::size_t c = 0; c < slots.lanes.size(); ++c) store(value.lanes[c], slots.lanes[c], each);
}

LaneValue LaneEmitter::value(Value* original) {
  if (auto* argument = llvm::dyn_cast<llvm::Argument>(original)) return {target_->getArg(argument->getArgNo()), {}};
  auto* instruction = llvm::dyn_cast<Instruction>(original);
  if (!instruction) return {original, {}};
  const auto found = known_.find(original);
  if (found != known_.end()) return found->second;
  auto loaded = load_slots(*instruction);
  if (remembers_) known_[original] = loaded;
  return loaded;
}

llvm::Value* LaneEmitter::component_of(Value* aggregate, unsigned component) {
  if (aggregate->getType()->isVectorTy()) return builder_.CreateExtractElement(aggregate, component);
  if (aggregate->getType()->isStructTy()) return builder_.CreateExtractValue(aggregate, component);
  return aggregate;
}

llvm::Value* LaneEmitter::lanes(Value* original, unsigned component) {
  if (near_.contains(original)) return pointers_at(addresses(original));
  const auto known = value(original);
  if (!known.lanes.empty()) return known.lanes[component];
  const auto shape = shapes_.of(original);
  if (shape.is_uniform()) return splat(component_of(known.first, component));
  if (shape.conditional) {
    auto* made = emit_component(*llvm::cast<Instruction>(original), 0);
    if (remembers_) known_[original].lanes.push_back(made);
    return made;
  }
  // first + lane * stride
  auto* type = known.first->getType();
  llvm::SmallVector<llvm::Constant*, kSimdWidth> steps;
  auto* step_type = type->isPointerTy() ? builder_.getInt64Ty() : type;
  for (unsigned lane = 0; lane < width_; ++lane)
    steps.push_back(llvm::ConstantInt::get(step_type, static_cast<std::uint64_t>(shape.stride * lane), true));
  auto* offsets = llvm::ConstantVector::get(steps);
  if (type->isPointerTy()) return builder_.CreateGEP(builder_.getInt8Ty(), known.first, offsets);
  return builder_.CreateAdd(splat(known.first), offsets);
}

llvm::Value* LaneEmitter::first_of_active(Value* original) {
  const auto shape = shapes_.of(original);
  if (full_ || !shape.conditional) return first(original);
  auto* instruction = llvm::cast<Instruction>(original);
  auto* lane = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, mask_, builder_.getTrue());
  auto steps = [&](llvm::Type* type, std::int64_t stride) {
    auto* factor = llvm::ConstantInt::get(type, static_cast<std::uint64_t>(stride), true);
    return builder_.CreateMul(builder_.CreateZExtOrTrunc(lane, type), factor);
  };
  if (llvm::isa<llvm::PHINode>(instruction)) {
    auto* own = builder_.CreateExtractElement(lanes(original), lane);
    if (!own->getType()->isPointerTy()) return builder_.CreateSub(own, steps(own->getType(), shape.stride));
    return builder_.CreateGEP(builder_.getInt8Ty(), own,
                              builder_.CreateNeg(steps(builder_.getInt64Ty(), shape.stride)));
  }
  if (llvm::isa<llvm::ZExtInst, llvm::SExtInst>(instruction)) {
    auto* source = instruction->getOperand(0);
    auto* narrow = source->getType();
    auto* own = builder_.CreateAdd(first_of_active(source), steps(narrow, shapes_.of(source).stride));
    auto* wide = builder_.CreateCast(llvm::cast<llvm::CastInst>(instruction)->getOpcode(), own, instruction->getType());
    return builder_.CreateSub(wide, steps(instruction->getType(), shape.stride));
  }
  return linear_copy(*instruction, [&](Value* operand) { return first_of_active(operand); });
}

llvm::Value* LaneEmitter::linear_copy(Instruction& instruction, llvm::function_ref<Value*(Value*)> operand) {
  // Lane 0 may be elsewhere: what holds for lanes that are here need not hold for its value.
  if (instruction.getOpcode() == Instruction::Or)
    return builder_.CreateAdd(operand(instruction.getOperand(0)), operand(instruction.getOperand(1)));
  llvm::SmallVector<Value*, 4> operands;
  for (auto& original : instruction.operands()) operands.push_back(operand(original.get()));
  auto* copy = instruction.clone();
  for (unsigned i = 0; i < operands.size(); ++i) copy->setOperand(i, operands[i]);
  copy->dropPoisonGeneratingFlags();
  builder_.Insert(copy);
  return copy;
}

void LaneEmitter::define(Instruction& instruction, const LaneValue& defined) {
  known_[&instruction] = defined;
  if (kept_.contains(&instruction)) store_slots(instruction, defined, nullptr);
}

}  // namespace anymetal::device::cpu
