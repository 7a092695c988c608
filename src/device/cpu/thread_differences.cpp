#include "device/cpu/thread_differences.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>

#include <utility>

#include "device/cpu/sync_operation.hpp"
#include "device/cpu/thread_flow.hpp"
#include "device/cpu/thread_function.hpp"

namespace anymetal::device::cpu {

bool is_threadgroup_barrier(const llvm::Instruction& instruction) {
  const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
  const auto operation = call ? sync_operation(*call) : std::nullopt;
  return operation && operation->kind == SyncOperation::Kind::ThreadgroupBarrier;
}

ThreadDifferences::ThreadDifferences(const ThreadFunction& thread, const ThreadFlow& flow, Axis axis, unsigned width)
    : flow_(flow), width_(width), index_(thread.geometry(kThreadIndex)), x_(thread.geometry(kThread)) {
  differing_.insert(index_);
  differing_.insert(thread.geometry(axis == Axis::X ? kThread : kThread + 1));
  while (obstacle_.empty()) {
    const bool more = spread();
    if (!part() && !more) break;
  }
  std::vector<Apart> outermost;
  for (const auto& one : apart_)
    if (llvm::none_of(apart_, [&](const Apart& other) { return &other != &one && other.blocks.contains(one.begin); }))
      outermost.push_back(one);
  apart_ = std::move(outermost);
}

std::size_t ThreadDifferences::count() const {
  return static_cast<std::size_t>(
      llvm::count_if(differing_, [](const llvm::Value* value) { return llvm::isa<llvm::Instruction>(value); }));
}

/// Finds values that differ; true if there are more now.
bool ThreadDifferences::spread() {
  const auto before = differing_.size();
  for (bool again = true; again;) {
    again = false;
    for (const llvm::BasicBlock* block : flow_.order)
      for (const auto& instruction : *block)
        if (!differing_.contains(&instruction) && makes_a_difference(instruction))
          again = differing_.insert(&instruction).second || again;
  }
  return differing_.size() != before;
}

bool ThreadDifferences::makes_a_difference(const llvm::Instruction& instruction) const {
  if (instruction.isTerminator() || is_threadgroup_barrier(instruction) || llvm::isa<llvm::FenceInst>(instruction))
    return false;
  if (llvm::isa<llvm::AllocaInst>(instruction) || instruction.isAtomic() || instruction.isVolatile()) return true;
  if (const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
      call && !sync_operation(*call) && call->mayHaveSideEffects() && !llvm::isa<llvm::AssumeInst>(call))
    return true;
  if (is_place_among_lanes(instruction)) return false;
  return llvm::any_of(instruction.operands(), [&](const auto& operand) { return differing_.contains(operand); });
}

/// Threads that become one have the same.
bool ThreadDifferences::is_place_among_lanes(const llvm::Instruction& instruction) const {
  const auto* by =
      instruction.getNumOperands() == 2 ? llvm::dyn_cast<llvm::ConstantInt>(instruction.getOperand(1)) : nullptr;
  if (!by || (instruction.getOperand(0) != index_ && instruction.getOperand(0) != x_)) return false;
  const auto number = by->getZExtValue();
  if (instruction.getOpcode() == llvm::Instruction::And) return number < width_;
  return instruction.getOpcode() == llvm::Instruction::URem && number != 0 && width_ % number == 0;
}

/// Finds where ways part; true if there are more such places now.
bool ThreadDifferences::part() {
  const auto before = apart_.size();
  for (auto* block : flow_.order) {
    const auto* branch = llvm::dyn_cast<llvm::BranchInst>(block->getTerminator());
    if (!branch || !branch->isConditional() || !differs(branch->getCondition())) continue;
    const bool is_known =
        llvm::any_of(apart_, [&](const Apart& one) { return one.begin == block || one.blocks.contains(block); });
    if (!is_known && obstacle_.empty()) add_apart(block);
  }
  return apart_.size() != before;
}

llvm::BasicBlock* ThreadDifferences::meeting_after(const llvm::BasicBlock* block) const {
  const auto* node = flow_.post_dominators.getNode(block);
  return node && node->getIDom() ? node->getIDom()->getBlock() : nullptr;
}

void ThreadDifferences::add_apart(llvm::BasicBlock* block) {
  Apart one{.begin = block, .end = meeting_after(block)};
  const llvm::Loop* left = nullptr;  // one by one
  for (const auto* loop = flow_.loops.getLoopFor(block); loop && one.end && !loop->contains(one.end);
       loop = loop->getParentLoop()) {
    left = loop;
    one.end = meeting_after(loop->getHeader());
    while (one.end && loop->contains(one.end)) one.end = meeting_after(one.end);
  }
  if (!one.end) {
    obstacle_ = "ways of threads do not meet again";
    return;
  }
  llvm::SmallVector<llvm::BasicBlock*, 8> open(llvm::successors(block));
  if (left) {
    one.begin = left->getHeader();
    one.before = left->getLoopPreheader();
    open.assign(1, one.begin);
  }
  while (!open.empty()) {
    auto* next = open.pop_back_val();
    if (next != one.end && one.blocks.insert(next)) open.append(llvm::succ_begin(next), llvm::succ_end(next));
  }
  for (auto* inside : one.blocks) {
    if (!flow_.dominators.dominates(one.begin, inside) || (inside == one.begin && !left))
      obstacle_ = "ways of threads come from several places";
    if (llvm::any_of(*inside, is_threadgroup_barrier)) obstacle_ = "threads go to a barrier on ways of their own";
    for (const auto& instruction : *inside) differing_.insert(&instruction);
  }
  // What is chosen there depends on the way.
  for (const auto& phi : one.end->phis())
    if (llvm::any_of(phi.blocks(), [&](auto* from) { return from == one.begin || one.blocks.contains(from); }))
      differing_.insert(&phi);
  apart_.push_back(std::move(one));
}

}  // namespace anymetal::device::cpu
