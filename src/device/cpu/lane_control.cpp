#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <algorithm>

#include "device/cpu/lane_emitter.hpp"
#include "device/cpu/region_origins.hpp"

namespace anymetal::device::cpu {

LaneEmitter::LaneEmitter(const ThreadFunction& thread, llvm::Function* target, llvm::Value* site,
                         const ThreadFlow& flow, const LaneShapes& shapes, const llvm::TargetTransformInfo& costs,
                         Buffers buffers, RegionOrigins* origins)
    : thread_(thread),
      target_(target),
      site_(site),
      width_(shapes.width()),
      order_(flow.order),
      loops_(flow.loops),
      shapes_(shapes),
      costs_(costs),
      origins_(origins),
      builder_(target->getContext()),
      layout_(target->getParent()->getDataLayout()),
      buffers_(buffers) {}

llvm::BasicBlock* LaneEmitter::new_block(const llvm::Twine& name) {
  return llvm::BasicBlock::Create(target_->getContext(), name, target_);
}

bool LaneEmitter::parts_lanes(const llvm::BasicBlock* block) const {
  const auto* branch = llvm::dyn_cast<llvm::BranchInst>(block->getTerminator());
  return branch && branch->isConditional() && !shapes_.of(branch->getCondition()).is_uniform();
}

void LaneEmitter::find_chained() {
  for (const llvm::BasicBlock* block : order_)
    if (shapes_.is_partial(block) || parts_lanes(block))
      for (const llvm::BasicBlock* successor : llvm::successors(block)) stations_[successor].chained = true;
}

void LaneEmitter::emit() {
  slots_block_ = &target_->back();
  auto* start = new_block("start");
  find_chained();
  find_ways_to_barriers();
  find_near();
  find_kept();
  find_shared();
  live_ = stack_slot(builder_.getInt32Ty(), "live");
  if (origins_) origins_->mark_live(*live_);
  builder_.SetInsertPoint(start);
  builder_.CreateStore(all_lanes(), live_);
  for (unsigned i = 0; i < order_.size(); ++i) {
    auto& station = stations_[order_[i]];
    station.position = i;
    station.check = new_block("check." + order_[i]->getName());
    station.body = new_block("body." + order_[i]->getName());
    station.after = new_block("after." + order_[i]->getName());
    if (!station.chained && !shapes_.is_partial(order_[i])) continue;
    station.mask = stack_slot(builder_.getInt32Ty(), "mask");
    if (origins_) origins_->mark_waiting(*station.mask, *order_[i]);
    builder_.CreateStore(builder_.getInt32(0), station.mask);
  }
  builder_.CreateBr(stations_[order_.front()].body);
  end_ = new_block("end");

  for (unsigned i = 0; i < order_.size(); ++i) {
    auto* original = order_[i];
    const auto& station = stations_[original];
    const bool partial = shapes_.is_partial(original);
    builder_.SetInsertPoint(station.body);
    if (origins_) origins_->at_entry(builder_, *original);
    mask_ = partial ? builder_.CreateLoad(builder_.getInt32Ty(), station.mask) : static_cast<Value*>(all_lanes());
    if (station.mask) builder_.CreateStore(builder_.getInt32(0), station.mask);
    full_ = !partial;
    active_ = nullptr;
    known_.clear();
    emit_block(original);
    if (origins_) origins_->at_nothing(builder_);
    emit_chain(i, end_);
  }
  builder_.SetInsertPoint(end_);
  builder_.CreateStore(builder_.getInt32(kReturned), site_);
  builder_.CreateRetVoid();
  builder_.SetInsertPoint(slots_block_);
  builder_.CreateBr(start);
}

void LaneEmitter::emit_chain(unsigned position, llvm::BasicBlock* end) {
  const auto& station = stations_[order_[position]];
  builder_.SetInsertPoint(station.check);
  if (station.chained) {
    auto* waiting = builder_.CreateLoad(builder_.getInt32Ty(), station.mask);
    builder_.CreateCondBr(builder_.CreateIsNotNull(waiting), station.body, station.after);
  } else {
    builder_.CreateBr(station.after);
  }
  builder_.SetInsertPoint(station.after);
  for (const auto* loop = loops_.getLoopFor(order_[position]); loop; loop = loop->getParentLoop()) {
    const bool last =
        llvm::all_of(loop->blocks(), [&](const auto* inside) { return stations_[inside].position <= position; });
    if (!last) break;
    const auto& header = stations_[loop->getHeader()];
    if (!header.chained) continue;
    auto* again = builder_.CreateLoad(builder_.getInt32Ty(), header.mask);
    auto* leave = new_block("leave");
    builder_.CreateCondBr(builder_.CreateIsNotNull(again), header.check, leave);
    builder_.SetInsertPoint(leave);
  }
  builder_.CreateBr(position + 1 < order_.size() ? stations_[order_[position + 1]].check : end);
}

llvm::Value* LaneEmitter::as_lanes(Value* mask, const llvm::Twine& name) {
  auto* bits = builder_.CreateTrunc(mask, builder_.getIntNTy(width_));
  return builder_.CreateBitCast(bits, widened(builder_.getInt1Ty()), name);
}

llvm::Value* LaneEmitter::active() {
  auto* type = widened(builder_.getInt1Ty());
  if (full_) return llvm::Constant::getAllOnesValue(type);
  if (!active_) active_ = as_lanes(mask_, "active");
  return active_;
}

void LaneEmitter::emit_block(llvm::BasicBlock* block) {
  for (auto& instruction : *block) {
    if (origins_) origins_->at(builder_, instruction);
    if (instruction.isTerminator()) break;
    if (!llvm::isa<llvm::PHINode>(instruction)) emit_instruction(instruction);
  }
  emit_terminator(block);
}

void LaneEmitter::emit_terminator(llvm::BasicBlock* block) {
  const auto* branch = llvm::dyn_cast<llvm::BranchInst>(block->getTerminator());
  if (!branch) {  // these lanes are done
    builder_.CreateBr(full_ ? end_ : stations_[block].after);
  } else if (full_ && !parts_lanes(block)) {
    emit_together(*branch);
  } else {
    emit_apart(*branch);
  }
}

void LaneEmitter::emit_together(const llvm::BranchInst& branch) {
  auto* block = const_cast<llvm::BasicBlock*>(branch.getParent());
  llvm::SmallVector<llvm::BasicBlock*, 2> ways;
  for (unsigned i = 0; i < branch.getNumSuccessors(); ++i) ways.push_back(new_block("way"));
  if (branch.isConditional()) {
    builder_.CreateCondBr(first(branch.getCondition()), ways[0], ways[1]);
  } else {
    builder_.CreateBr(ways[0]);
  }
  // Values made for one way are not there on the other.
  remembers_ = false;
  for (unsigned i = 0; i < ways.size(); ++i) {
    builder_.SetInsertPoint(ways[i]);
    auto* successor = branch.getSuccessor(i);
    pass_values(block, {{successor, mask_}}, true);
    const auto& station = stations_[successor];
    if (shapes_.is_partial(successor)) builder_.CreateStore(mask_, station.mask);
    builder_.CreateBr(station.body);
  }
  remembers_ = true;
}

void LaneEmitter::emit_apart(const llvm::BranchInst& branch) {
  auto* block = const_cast<llvm::BasicBlock*>(branch.getParent());
  llvm::SmallVector<std::pair<llvm::BasicBlock*, Value*>, 2> edges;
  if (branch.isUnconditional()) {
    edges.emplace_back(branch.getSuccessor(0), mask_);
  } else if (!parts_lanes(block)) {
    auto* condition = first(branch.getCondition());
    auto* none = builder_.getInt32(0);
    edges.emplace_back(branch.getSuccessor(0), builder_.CreateSelect(condition, mask_, none));
    edges.emplace_back(branch.getSuccessor(1), builder_.CreateSelect(condition, none, mask_));
  } else {
    // Lanes elsewhere may have computed their condition from anything: one undefined bit must not spoil the mask.
    auto* condition = builder_.CreateFreeze(lanes(branch.getCondition()));
    auto* bits = builder_.CreateBitCast(condition, builder_.getIntNTy(width_));
    auto* taken = builder_.CreateZExt(bits, builder_.getInt32Ty());
    edges.emplace_back(branch.getSuccessor(0), builder_.CreateAnd(mask_, taken));
    edges.emplace_back(branch.getSuccessor(1), builder_.CreateAnd(mask_, builder_.CreateNot(taken)));
  }
  pass_values(block, edges, branch.isUnconditional());
  for (const auto& [successor, mask] : edges) {
    auto* slot = stations_[successor].mask;
    builder_.CreateStore(builder_.CreateOr(builder_.CreateLoad(builder_.getInt32Ty(), slot), mask), slot);
    if (!to_barrier_.contains(block) || to_barrier_.contains(successor)) continue;
    auto* live = builder_.CreateLoad(builder_.getInt32Ty(), live_);
    builder_.CreateStore(builder_.CreateAnd(live, builder_.CreateNot(mask)), live_);
  }
  builder_.CreateBr(stations_[block].after);
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
  const auto position = [&](const llvm::BasicBlock* block) { return stations_.find(block)->second.position; };
  return llvm::all_of(llvm::predecessors(to), [&](const auto* other) { return position(from) <= position(other); });
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
      if (shared_.contains(&phi)) continue;
      auto* incoming = phi.getIncomingValueForBlock(from);
      LaneValue moved;
      const auto shape = shapes_.of(&phi);
      if (!shape.is_divergent()) moved.first = first(incoming);
      if (shape.is_divergent() || shape.conditional)
        for (unsigned c = 0; c < component_count(phi.getType()); ++c)
          moved.lanes.push_back(near_.contains(&phi) ? distances(incoming, *near_.buffer_of(&phi))
                                                     : lanes(incoming, c));
      if (keeps_last_.contains(&phi) && loops_.getLoopFor(successor)->contains(from)) {
        moves.push_back({&phi, std::move(moved), full_ ? nullptr : mask_});
        continue;
      }
      const bool plain = full_ && !parts_lanes(from);
      const bool alone = first_arrival(from, successor) || (certain && shape.is_uniform());
      moves.push_back({&phi, std::move(moved), plain || alone ? nullptr : mask});
    }
  for (const auto& move : moves) store_slots(*move.phi, move.value, move.mask);
}

void LaneEmitter::emit_barrier() {
  Value* site = builder_.getInt32(kFirstBarrier | barriers_++);
  if (!full_) {
    // Lanes that wait while others are elsewhere would be passed by them: the scheduler ends the dispatch.
    auto* live = builder_.CreateLoad(builder_.getInt32Ty(), live_);
    site = builder_.CreateSelect(builder_.CreateICmpEQ(live, mask_), site, builder_.getInt32(kDivergentBarrier));
  }
  builder_.CreateStore(site, site_);
  auto* none = llvm::ConstantTokenNone::get(builder_.getContext());
  auto* outcome = builder_.CreateIntrinsic(llvm::Intrinsic::coro_suspend, {}, {none, builder_.getFalse()});
  auto* resumed = new_block("resumed");
  auto* suspended = new_block("suspend");
  builder_.CreateSwitch(outcome, suspended, 1)->addCase(builder_.getInt8(0), resumed);
  builder_.SetInsertPoint(suspended);
  builder_.CreateRetVoid();
  builder_.SetInsertPoint(resumed);
}

}  // namespace anymetal::device::cpu
