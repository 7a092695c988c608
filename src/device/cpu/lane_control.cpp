#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/lane_emitter.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <algorithm>

namespace anymetal::device::cpu {

LaneEmitter::LaneEmitter(const ThreadFunction& thread, llvm::Function* target, const SimdgroupParameters& parameters,
                         const std::vector<llvm::BasicBlock*>& order, const LaneShapes& shapes,
                         const llvm::LoopInfo& loops, bool rows)
    : thread_(thread),
      target_(target),
      parameters_(parameters),
      order_(order),
      shapes_(shapes),
      loops_(loops),
      rows_(rows),
      builder_(target->getContext()),
      layout_(target->getParent()->getDataLayout()) {}

void LaneEmitter::emit() {
  auto& context = target_->getContext();
  auto block = [&](const llvm::Twine& name) { return llvm::BasicBlock::Create(context, name, target_); };
  if (target_->empty()) block("entry");
  auto* begin = &target_->back();
  slots_block_ = begin;
  auto* start = block("start");
  for (unsigned i = 0; i < order_.size(); ++i) {
    position_[order_[i]] = i;
    masks_[order_[i]] = stack_slot(builder_.getInt32Ty(), "mask");
    checks_[order_[i]] = block("check." + order_[i]->getName());
  }
  live_ = stack_slot(builder_.getInt32Ty(), "live");
  find_ways_to_barriers();
  builder_.SetInsertPoint(start);
  for (auto& argument : thread_.function->args()) arguments_[&argument] = parameter_value(&argument);
  for (auto* original : order_) builder_.CreateStore(builder_.getInt32(0), masks_[original]);
  builder_.CreateStore(parameters_.mask, masks_[order_.front()]);
  builder_.CreateStore(parameters_.mask, live_);
  builder_.CreateBr(checks_[order_.front()]);
  auto* end = block("end");

  for (unsigned i = 0; i < order_.size(); ++i) {
    auto* original = order_[i];
    auto* body = block("body." + original->getName());
    auto* after = block("after." + original->getName());
    builder_.SetInsertPoint(checks_[original]);
    auto* waiting = builder_.CreateLoad(builder_.getInt32Ty(), masks_[original]);
    builder_.CreateCondBr(builder_.CreateIsNotNull(waiting), body, after);
    builder_.SetInsertPoint(body);
    builder_.CreateStore(builder_.getInt32(0), masks_[original]);
    const bool partial = shapes_.is_partial(original);
    mask_ = partial ? waiting : parameters_.mask;
    full_ = rows_ && !partial;
    active_ = nullptr;
    known_.clear();
    emit_block(original);
    builder_.CreateBr(after);

    builder_.SetInsertPoint(after);
    for (const auto* loop = loops_.getLoopFor(original); loop; loop = loop->getParentLoop()) {
      const bool last = std::ranges::all_of(loop->blocks(), [&](auto* inside) { return position_[inside] <= i; });
      if (!last) break;
      auto* again = builder_.CreateLoad(builder_.getInt32Ty(), masks_[loop->getHeader()]);
      auto* leave = block("leave");
      builder_.CreateCondBr(builder_.CreateIsNotNull(again), checks_[loop->getHeader()], leave);
      builder_.SetInsertPoint(leave);
    }
    builder_.CreateBr(i + 1 < order_.size() ? checks_[order_[i + 1]] : end);
  }
  builder_.SetInsertPoint(end);
  if (parameters_.site) builder_.CreateStore(builder_.getInt32(kReturned), parameters_.site);
  builder_.CreateRetVoid();
  builder_.SetInsertPoint(slots_block_);
  builder_.CreateBr(start);
}

llvm::Value* LaneEmitter::active() {
  auto* type = llvm::FixedVectorType::get(builder_.getInt1Ty(), kLanes);
  if (full_) return llvm::Constant::getAllOnesValue(type);
  if (!active_) active_ = builder_.CreateBitCast(mask_, type, "active");
  return active_;
}

void LaneEmitter::emit_block(llvm::BasicBlock* block) {
  for (auto& instruction : *block) {
    if (instruction.isTerminator()) break;
    if (!llvm::isa<llvm::PHINode>(instruction)) emit_instruction(instruction);
  }
  emit_terminator(block);
}

void LaneEmitter::emit_terminator(llvm::BasicBlock* block) {
  const auto* branch = llvm::dyn_cast<llvm::BranchInst>(block->getTerminator());
  if (!branch) return;  // these lanes are done
  llvm::SmallVector<std::pair<llvm::BasicBlock*, Value*>, 2> edges;
  if (branch->isUnconditional()) {
    edges.emplace_back(branch->getSuccessor(0), mask_);
  } else if (shapes_.of(branch->getCondition()).is_uniform()) {
    auto* condition = first(branch->getCondition());
    auto* none = builder_.getInt32(0);
    edges.emplace_back(branch->getSuccessor(0), builder_.CreateSelect(condition, mask_, none));
    edges.emplace_back(branch->getSuccessor(1), builder_.CreateSelect(condition, none, mask_));
  } else {
    // Lanes elsewhere may have computed their condition from anything: one undefined bit must not spoil the mask.
    auto* condition = builder_.CreateFreeze(lanes(branch->getCondition()));
    auto* taken = builder_.CreateBitCast(condition, builder_.getInt32Ty());
    edges.emplace_back(branch->getSuccessor(0), builder_.CreateAnd(mask_, taken));
    edges.emplace_back(branch->getSuccessor(1), builder_.CreateAnd(mask_, builder_.CreateNot(taken)));
  }
  pass_values(block, edges, branch->isUnconditional());
  for (const auto& [successor, mask] : edges) {
    auto* waiting = builder_.CreateLoad(builder_.getInt32Ty(), masks_[successor]);
    builder_.CreateStore(builder_.CreateOr(waiting, mask), masks_[successor]);
    if (!to_barrier_.contains(block) || to_barrier_.contains(successor)) continue;
    auto* live = builder_.CreateLoad(builder_.getInt32Ty(), live_);
    builder_.CreateStore(builder_.CreateAnd(live, builder_.CreateNot(mask)), live_);
  }
}

void LaneEmitter::find_ways_to_barriers() {
  llvm::SmallVector<const llvm::BasicBlock*, 16> open;
  for (const llvm::BasicBlock* block : order_)
    for (const auto& instruction : *block)
      if (const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction))
        if (const auto operation = sync_operation(*call);
            operation && operation->kind == SyncOperation::Kind::ThreadgroupBarrier)
          open.push_back(block);
  while (!open.empty()) {
    const auto* block = open.pop_back_val();
    if (!to_barrier_.insert(block).second) continue;
    open.append(llvm::pred_begin(block), llvm::pred_end(block));
  }
}

bool LaneEmitter::first_arrival(const llvm::BasicBlock* from, const llvm::BasicBlock* to) const {
  if (loops_.isLoopHeader(to)) return true;
  const auto* loop = loops_.getLoopFor(from);
  if (loop && !loop->contains(to)) return false;
  return llvm::all_of(llvm::predecessors(to), [&](const llvm::BasicBlock* other) {
    return position_.lookup(from) <= position_.lookup(other);
  });
}

void LaneEmitter::pass_values(llvm::BasicBlock* from, llvm::ArrayRef<std::pair<llvm::BasicBlock*, Value*>> edges,
                              bool certain) {
  struct Move {
    const llvm::PHINode* phi;
    LaneValue value;
    Value* mask;
  };
  llvm::SmallVector<Move, 8> moves;
  for (const auto& [successor, mask] : edges)
    for (const auto& phi : successor->phis()) {
      auto* incoming = phi.getIncomingValueForBlock(from);
      LaneValue moved;
      const auto shape = shapes_.of(&phi);
      if (!shape.is_divergent()) moved.first = first(incoming);
      if (shape.conditional) moved.holds = value(incoming).holds ? value(incoming).holds : builder_.getTrue();
      if (shape.is_divergent() || shape.conditional)
        for (unsigned c = 0; c < component_count(phi.getType()); ++c) moved.lanes.push_back(lanes(incoming, c));
      const bool plain = first_arrival(from, successor) || (certain && shape.is_uniform());
      moves.push_back({&phi, std::move(moved), plain ? nullptr : mask});
    }
  for (const auto& move : moves) store_slots(*move.phi, move.value, move.mask);
}

void LaneEmitter::emit_barrier() {
  // Lanes that wait while others are elsewhere would be passed by them: the scheduler ends the dispatch.
  auto* live = builder_.CreateLoad(builder_.getInt32Ty(), live_);
  auto* site = builder_.CreateSelect(builder_.CreateICmpEQ(live, mask_), builder_.getInt32(kFirstBarrier | barriers_++),
                                     builder_.getInt32(kDivergentBarrier));
  builder_.CreateStore(site, parameters_.site);
  auto* none = llvm::ConstantTokenNone::get(builder_.getContext());
  auto* outcome = builder_.CreateIntrinsic(llvm::Intrinsic::coro_suspend, {}, {none, builder_.getFalse()});
  auto* resumed = llvm::BasicBlock::Create(builder_.getContext(), "resumed", target_);
  auto* suspended = llvm::BasicBlock::Create(builder_.getContext(), "suspend", target_);
  builder_.CreateSwitch(outcome, suspended, 1)->addCase(builder_.getInt8(0), resumed);
  builder_.SetInsertPoint(suspended);
  builder_.CreateRetVoid();
  builder_.SetInsertPoint(resumed);
}

}  // namespace anymetal::device::cpu
