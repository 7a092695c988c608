#include "device/cpu/lane_shapes.hpp"

#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/DataLayout.h>
#include <llvm/IR/GetElementPtrTypeIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Operator.h>
#include <llvm/Support/MathExtras.h>

#include <algorithm>

#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/sync_operation.hpp"
#include "device/cpu/thread_flow.hpp"

namespace anymetal::device::cpu {
namespace {

Shape linear(std::int64_t stride, bool conditional) {
  // Two conditional shapes may cancel to a constant that only holds where their conditions do.
  if (stride == 0 && conditional) return Shape::divergent();
  return {Shape::Kind::Linear, conditional, stride};
}

Shape merge(const Shape& a, const Shape& b) {
  if (a.kind == Shape::Kind::Unknown) return b;
  if (b.kind == Shape::Kind::Unknown) return a;
  if (a.is_divergent() || b.is_divergent() || a.stride != b.stride) return Shape::divergent();
  return linear(a.stride, a.conditional || b.conditional);
}

bool is_private(const llvm::Value* pointer) {
  return llvm::isa<llvm::AllocaInst>(llvm::getUnderlyingObject(pointer, 0));
}

}  // namespace

bool LaneShapes::never_wraps(const llvm::Value* value, bool is_signed) const {
  // What all lanes share cannot break a progression; thread positions are small.
  if (of(value).is_uniform() || llvm::isa<llvm::Argument>(value) || counts_lanes(value)) return true;
  // Where lanes count up, lane 0 stays in range if any lane does: it may be elsewhere, and flags speak of those here.
  const auto* operation = llvm::dyn_cast<llvm::Operator>(value);
  if (!operation || of(value).stride < 0 || operation->getOpcode() == llvm::Instruction::Sub) return false;
  const auto* disjoint = llvm::dyn_cast<llvm::PossiblyDisjointInst>(value);
  const auto* arithmetic = llvm::dyn_cast<llvm::OverflowingBinaryOperator>(value);
  const bool exact = (disjoint && disjoint->isDisjoint()) ||
                     (arithmetic && (is_signed ? arithmetic->hasNoSignedWrap() : arithmetic->hasNoUnsignedWrap()));
  return exact && never_wraps(operation->getOperand(0), is_signed) && never_wraps(operation->getOperand(1), is_signed);
}

LaneShapes::LaneShapes(const ThreadFunction& thread, const ThreadFlow& flow, const LaneRows& rows) : rows_(rows) {
  for (const unsigned which : {kThread + 0u, kThreadIndex + 0u}) shapes_[thread.geometry(which)] = linear(1, false);
  if (rows.aligned) counting_.insert(thread.geometry(kThread));
  if (rows.whole || rows.one) counting_.insert(thread.geometry(kThreadIndex));
  if (rows.whole && !rows.folded)
    for (const unsigned which : {kThreadsPerGroup + 0u, kDispatchThreads + 0u})
      multiples_.insert(thread.geometry(which));
  bool changed = true;
  while (changed) {
    changed = false;
    iterate(flow.order);
    for (const llvm::BasicBlock* block : flow.order) {
      const auto* branch = llvm::dyn_cast<llvm::BranchInst>(block->getTerminator());
      if (!branch || !branch->isConditional() || spread_.contains(block)) continue;
      if (of(branch->getCondition()).is_uniform()) continue;
      spread(block, flow);
      changed = true;
    }
  }
}

bool LaneShapes::counts_lanes(const llvm::Value* value) const {
  if (counting_.contains(value)) return true;
  const auto* instruction = llvm::dyn_cast<llvm::Instruction>(value);
  if (!instruction) return false;
  const auto* operand = instruction->getOperand(0);
  switch (instruction->getOpcode()) {
    case llvm::Instruction::Add:
      return (counts_lanes(operand) && is_multiple(instruction->getOperand(1))) ||
             (is_multiple(operand) && counts_lanes(instruction->getOperand(1)));
    case llvm::Instruction::Or:
      return llvm::cast<llvm::PossiblyDisjointInst>(instruction)->isDisjoint() && counts_lanes(operand) &&
             is_multiple(instruction->getOperand(1));
    case llvm::Instruction::ZExt:
    case llvm::Instruction::SExt:
      return counts_lanes(operand);
    default:
      return false;
  }
}

bool LaneShapes::is_multiple(const llvm::Value* value) const {
  if (multiples_.contains(value)) return true;
  if (const auto* number = llvm::dyn_cast<llvm::ConstantInt>(value)) return number->getValue().urem(width()) == 0;
  const auto* instruction = llvm::dyn_cast<llvm::Instruction>(value);
  if (!instruction || !of(value).is_uniform()) return false;
  const auto multiple = [&](unsigned i) { return is_multiple(instruction->getOperand(i)); };
  switch (instruction->getOpcode()) {
    case llvm::Instruction::Mul:
    case llvm::Instruction::And:
      return multiple(0) || multiple(1);
    case llvm::Instruction::Add:
    case llvm::Instruction::Sub:
      return multiple(0) && multiple(1);
    case llvm::Instruction::Shl: {
      const auto* by = llvm::dyn_cast<llvm::ConstantInt>(instruction->getOperand(1));
      return multiple(0) || (by && by->getValue().uge(llvm::Log2_32(width())));
    }
    case llvm::Instruction::ZExt:
    case llvm::Instruction::SExt:
      return multiple(0);
    default:
      return false;
  }
}

Shape LaneShapes::of(const llvm::Value* value) const {
  const auto found = shapes_.find(value);
  if (found != shapes_.end()) return found->second;
  return llvm::isa<llvm::Instruction>(value) ? Shape{} : Shape::uniform();
}

void LaneShapes::iterate(const std::vector<llvm::BasicBlock*>& order) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (const llvm::BasicBlock* block : order)
      for (const auto& instruction : *block) {
        auto& known = shapes_[&instruction];
        if (known.is_divergent()) continue;
        const auto before = known;
        const auto now = merge(before, evaluate(instruction));
        if (now == before) continue;
        shapes_[&instruction] = now;
        changed = true;
      }
  }
}

Shape LaneShapes::evaluate(const llvm::Instruction& instruction) const {
  if (const auto* phi = llvm::dyn_cast<llvm::PHINode>(&instruction)) {
    if (joins_.contains(phi->getParent())) return Shape::divergent();
    Shape result;
    for (const llvm::Value* value : phi->incoming_values()) result = merge(result, of(value));
    return phi->getType()->isVectorTy() && result.is_linear() ? Shape::divergent() : result;
  }
  if (llvm::isa<llvm::AllocaInst>(instruction)) return Shape::uniform();
  if (llvm::isa<llvm::AtomicRMWInst, llvm::AtomicCmpXchgInst>(instruction)) return Shape::divergent();
  if (const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction))
    if (const auto operation = sync_operation(*call)) {
      if (operation->uniform_result()) return Shape::uniform();
      if (operation->kind == SyncOperation::Kind::Shuffle) {
        const auto source = of(call->getArgOperand(1));
        if (source.kind == Shape::Kind::Unknown) return {};
        return source.is_uniform() ? Shape::uniform() : Shape::divergent();
      }
      return Shape::divergent();
    }
  if (const auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction); load && is_private(load->getPointerOperand()))
    return Shape::divergent();

  bool all_uniform = true;
  for (const auto& operand : instruction.operands()) {
    if (llvm::isa<llvm::BasicBlock>(operand)) continue;
    const auto shape = of(operand);
    if (shape.kind == Shape::Kind::Unknown) return {};
    all_uniform = all_uniform && shape.is_uniform();
  }
  return all_uniform ? Shape::uniform() : evaluate_linear(instruction);
}

Shape LaneShapes::evaluate_linear(const llvm::Instruction& instruction) const {
  if (instruction.getType()->isVectorTy()) return Shape::divergent();
  for (const auto& operand : instruction.operands())
    if (of(operand).is_divergent()) return Shape::divergent();
  auto shape = [&](unsigned i) { return of(instruction.getOperand(i)); };
  auto constant = [&](unsigned i) { return llvm::dyn_cast<llvm::ConstantInt>(instruction.getOperand(i)); };
  const bool conditional =
      std::ranges::any_of(instruction.operands(), [&](const auto& o) { return of(o).conditional; });
  // Strides beyond this do not occur in addresses; the bound keeps their arithmetic exact.
  constexpr std::int64_t kLargest = std::int64_t{1} << 24;
  auto bounded = [&](std::int64_t stride) {
    return stride > -kLargest && stride < kLargest ? linear(stride, conditional) : Shape::divergent();
  };
  switch (instruction.getOpcode()) {
    case llvm::Instruction::Add:
      return bounded(shape(0).stride + shape(1).stride);
    case llvm::Instruction::Sub:
      return bounded(shape(0).stride - shape(1).stride);
    case llvm::Instruction::Or:
      if (llvm::cast<llvm::PossiblyDisjointInst>(instruction).isDisjoint())
        return bounded(shape(0).stride + shape(1).stride);
      return Shape::divergent();
    case llvm::Instruction::Mul:
      for (const unsigned i : {0u, 1u})
        if (const auto* factor = constant(i); factor && std::abs(factor->getSExtValue()) < kLargest)
          return bounded(shape(1 - i).stride * factor->getSExtValue());
      return Shape::divergent();
    case llvm::Instruction::Shl:
      if (const auto* by = constant(1); by && by->getZExtValue() < 24)
        return bounded(shape(0).stride << by->getZExtValue());
      return Shape::divergent();
    case llvm::Instruction::And:
    case llvm::Instruction::LShr:
    case llvm::Instruction::UDiv:
    case llvm::Instruction::URem:
      return evaluate_split(instruction);
    case llvm::Instruction::Trunc:
      return instruction.getType()->isIntegerTy(1) ? Shape::divergent() : shape(0);
    case llvm::Instruction::Freeze:
      return shape(0);
    case llvm::Instruction::ZExt:
    case llvm::Instruction::SExt: {
      const auto bits = instruction.getOperand(0)->getType()->getScalarSizeInBits();
      const auto span = static_cast<std::uint64_t>(std::abs(shape(0).stride)) * (width() - 1);
      if (bits < 16 || span >= (std::uint64_t{1} << (bits - 2))) return Shape::divergent();
      const bool safe = never_wraps(instruction.getOperand(0), instruction.getOpcode() == llvm::Instruction::SExt);
      if (!safe && bits < 32) return Shape::divergent();  // both sides of where it wraps around are in one buffer
      return linear(shape(0).stride, conditional || !safe);
    }
    case llvm::Instruction::Select:
      return shape(0).is_uniform() ? merge(shape(1), shape(2)) : Shape::divergent();
    case llvm::Instruction::GetElementPtr:
      return evaluate_address(instruction);
    default:
      return Shape::divergent();
  }
}

Shape LaneShapes::evaluate_split(const llvm::Instruction& instruction) const {
  const auto* by = llvm::dyn_cast<llvm::ConstantInt>(instruction.getOperand(1));
  if (!by || !counts_lanes(instruction.getOperand(0))) return Shape::divergent();
  const auto number = by->getZExtValue();
  const std::uint64_t low = width() - 1;
  switch (instruction.getOpcode()) {
    case llvm::Instruction::And:
      return (number & low) == low ? linear(1, false) : (number & low) == 0 ? Shape::uniform() : Shape::divergent();
    case llvm::Instruction::LShr:
      return number >= llvm::Log2_32(width()) ? Shape::uniform() : Shape::divergent();
    case llvm::Instruction::UDiv:
      return number != 0 && number % width() == 0 ? Shape::uniform() : Shape::divergent();
    default:
      return number != 0 && number % width() == 0 ? linear(1, false) : Shape::divergent();
  }
}

bool LaneShapes::is_lane_number(const llvm::Instruction* instruction) const {
  const auto* by =
      instruction->getOpcode() == llvm::Instruction::And || instruction->getOpcode() == llvm::Instruction::URem
          ? llvm::dyn_cast<llvm::ConstantInt>(instruction->getOperand(1))
          : nullptr;
  const auto wanted = instruction->getOpcode() == llvm::Instruction::And ? width() - 1 : width();
  return by && by->getZExtValue() == wanted && counts_lanes(instruction->getOperand(0));
}

Shape LaneShapes::evaluate_address(const llvm::Instruction& instruction) const {
  const auto& address = llvm::cast<llvm::GetElementPtrInst>(instruction);
  const auto& layout = address.getModule()->getDataLayout();
  auto result = of(address.getPointerOperand());
  for (auto at = llvm::gep_type_begin(address); at != llvm::gep_type_end(address); ++at) {
    const auto shape = of(at.getOperand());
    if (shape.is_uniform()) continue;
    if (at.isStruct() || !at.getOperand()->getType()->isIntegerTy(64)) return Shape::divergent();
    const auto size = static_cast<std::int64_t>(at.getSequentialElementStride(layout).getFixedValue());
    result = linear(result.stride + shape.stride * size, result.conditional || shape.conditional);
    if (result.is_divergent()) return result;
  }
  // Copies of a private variable lie interleaved: its addresses are no progressions.
  return result.is_linear() && is_private(&address) ? Shape::divergent() : result;
}

void LaneShapes::spread(const llvm::BasicBlock* block, const ThreadFlow& flow) {
  spread_.insert(block);
  const auto* node = flow.post_dominators.getNode(block);
  const auto* meeting = node && node->getIDom() ? node->getIDom()->getBlock() : nullptr;

  // Everything between the branch and the block where all ways meet runs for some of the lanes only.
  llvm::SmallVector<const llvm::BasicBlock*, 16> open(llvm::successors(block));
  llvm::SmallPtrSet<const llvm::BasicBlock*, 16> region;
  while (!open.empty()) {
    const auto* next = open.pop_back_val();
    if (next == meeting || !region.insert(next).second) continue;
    partial_.insert(next);
    open.append(llvm::succ_begin(next), llvm::succ_end(next));
  }

  // Labels tell apart the ways; where two labels arrive, lanes meet.
  llvm::DenseMap<const llvm::BasicBlock*, const llvm::BasicBlock*> labels;
  auto arrive = [&](const llvm::BasicBlock* at, const llvm::BasicBlock* label) {
    const auto [known, inserted] = labels.try_emplace(at, label);
    if (inserted || known->second == label) return;
    known->second = at;
    joins_.insert(at);
  };
  for (const llvm::BasicBlock* successor : llvm::successors(block))
    if (!flow.dominators.dominates(successor, block)) arrive(successor, successor);
  // Lanes leave a loop in different iterations if the branch decides whether they stay.
  for (const auto* loop = flow.loops.getLoopFor(block); loop; loop = loop->getParentLoop()) {
    if (meeting && loop->contains(meeting)) break;
    llvm::SmallVector<llvm::BasicBlock*, 4> exits;
    loop->getUniqueExitBlocks(exits);
    for (const llvm::BasicBlock* exit : exits) {
      joins_.insert(exit);
      labels[exit] = exit;
      if (exit != meeting) partial_.insert(exit);
    }
    for (const auto* inside : loop->blocks()) partial_.insert(inside);
  }
  for (const llvm::BasicBlock* at : flow.order) {
    const auto label = labels.lookup(at);
    if (!label || at == meeting) continue;
    for (const llvm::BasicBlock* successor : llvm::successors(at))
      if (!flow.dominators.dominates(successor, at)) arrive(successor, labels.lookup(at));
  }
}

}  // namespace anymetal::device::cpu
