#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/IntrinsicInst.h>

#include <set>

#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/region_verifier.hpp"
#include "device/cpu/sync_operation.hpp"

namespace anymetal::device::cpu {
namespace {

const llvm::IntrinsicInst* suspension_in(const llvm::BasicBlock& block) {
  const auto* branch = llvm::dyn_cast<llvm::SwitchInst>(block.getTerminator());
  const auto* call = branch ? llvm::dyn_cast<llvm::IntrinsicInst>(branch->getCondition()) : nullptr;
  return call && call->getIntrinsicID() == llvm::Intrinsic::coro_suspend ? call : nullptr;
}

}  // namespace

bool RegionVerifier::is_suspension(const Block& block) const { return suspension_in(block) != nullptr; }

const llvm::AllocaInst* RegionVerifier::tested_slot(const Block& block) const {
  if (region_of(block)) return nullptr;
  const auto* branch = llvm::dyn_cast<llvm::BranchInst>(block.getTerminator());
  const auto* test =
      branch && branch->isConditional() ? llvm::dyn_cast<llvm::ICmpInst>(branch->getCondition()) : nullptr;
  if (!test || test->getPredicate() != llvm::CmpInst::ICMP_NE) return nullptr;
  const auto* zero = llvm::dyn_cast<llvm::ConstantInt>(test->getOperand(1));
  const auto* load = llvm::dyn_cast<llvm::LoadInst>(test->getOperand(0));
  if (!zero || !zero->isZero() || !load || load->getParent() != &block) return nullptr;
  return waited_for(load->getPointerOperand()) ? llvm::cast<llvm::AllocaInst>(load->getPointerOperand()) : nullptr;
}

bool RegionVerifier::find_ways_to_barriers() {
  for (const auto* block : flow_.order)
    for (const auto& instruction : *block)
      if (const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction))
        if (const auto operation = sync_operation(*call);
            operation && operation->kind == SyncOperation::Kind::ThreadgroupBarrier)
          to_barrier_.insert(block);
  for (bool grew = !to_barrier_.empty(); grew;) {
    grew = false;
    for (const auto* block : flow_.order)
      for (const auto* next : llvm::successors(block))
        if (to_barrier_.contains(next)) grew |= to_barrier_.insert(block).second;
  }
  return true;
}

void RegionVerifier::find_waiting() {
  // Who can wait is followed along every way by itself: ways share the chain of tests, and what one left behind must not
  // seem to be left where another goes. Past so many sets a block has only their union.
  constexpr std::size_t kMostSets = 1024;
  const auto none = llvm::BitVector(static_cast<unsigned>(regions_.size()));
  llvm::SmallVector<std::pair<const Block*, llvm::BitVector>, 16> open;
  const auto reach = [&](const Block* block, llvm::BitVector set) {
    auto& known = waiting_[block];
    if (llvm::is_contained(known, set)) return;
    if (known.size() >= kMostSets) {
      for (const auto& other : known) set |= other;
      if (llvm::is_contained(known, set)) return;
      known.back() = set;
    } else {
      known.push_back(set);
    }
    open.emplace_back(block, std::move(set));
  };
  reach(&made_.getEntryBlock(), none);
  while (!open.empty()) {
    auto [block, now] = open.pop_back_val();
    if (const auto* region = region_of(*block)) {
      if (block == region->entry) {
        if (region->partial) {
          now.reset(region->number);
        } else {
          now.reset();  // all lanes are here
        }
      }
      for (const auto& instruction : *block)
        if (const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction))
          if (const auto* target = waited_for(store->getPointerOperand()); target && origins_.of(*store).instruction)
            now.set(numbers_.lookup(target));
    }
    const auto* slot = tested_slot(*block);
    const auto* terminator = block->getTerminator();
    for (unsigned i = 0; i < terminator->getNumSuccessors(); ++i) {
      auto passed = now;
      if (slot && i == 0 && !now.test(numbers_.lookup(waited_for(slot)))) continue;  // nobody waits for it
      if (slot && i == 1) passed.reset(numbers_.lookup(waited_for(slot)));
      reach(terminator->getSuccessor(i), std::move(passed));
    }
  }
}

llvm::BitVector RegionVerifier::waiting_at(const Block& block) const {
  llvm::BitVector all(static_cast<unsigned>(regions_.size()));
  const auto found = waiting_.find(&block);
  if (found != waiting_.end())
    for (const auto& set : found->second) all |= set;
  return all;
}

bool RegionVerifier::check_chain(const Region& region) {
  // Only where lanes wait may a block be entered without all of them.
  for (const auto* from : llvm::predecessors(region.entry)) {
    const auto* source = region_of(*from);
    const auto* slot = tested_slot(*from);
    const bool start =
        !source && region.original == flow_.order.front() && from->getSinglePredecessor() == &made_.getEntryBlock();
    const bool waited =
        slot && waited_for(slot) == region.original && from->getTerminator()->getSuccessor(0) == region.entry;
    if (!start && !waited && !(source && !source->apart))
      return wrong(fmt::format("block {} is entered without a look at its lanes", name(*region.original)));
  }
  if (region.partial) return true;
  auto elsewhere = waiting_at(*region.entry);
  elsewhere.reset(region.number);
  return elsewhere.none() ||
         wrong(fmt::format("lanes that wait for block {} are passed by in {}",
                           name(*regions_[elsewhere.find_first()].original), name(*region.original)));
}

bool RegionVerifier::check_ends() {
  for (const auto& block : made_) {
    if (!llvm::isa<llvm::ReturnInst>(block.getTerminator())) continue;
    const auto* from = block.getSinglePredecessor();
    if (from && is_suspension(*from) && from->getTerminator()->getSuccessor(0) == &block) continue;
    if (const auto left = waiting_at(block); left.any())
      return wrong(
          fmt::format("lanes that wait for block {} are forgotten", name(*regions_[left.find_first()].original)));
  }
  return true;
}

bool RegionVerifier::check_barriers() {
  std::set<std::uint64_t> numbers;
  for (const auto& block : made_) {
    const auto* call = suspension_in(block);
    if (!call) continue;
    const auto& region = *region_of(block);
    const llvm::StoreInst* note = nullptr;
    for (const auto& instruction : block) {
      if (&instruction == call) break;
      const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
      if (store && store->getPointerOperand() == site_) note = store;
    }
    const llvm::Value* number = note ? note->getValueOperand() : nullptr;
    if (region.partial) {
      const auto* chosen = llvm::dyn_cast_or_null<llvm::SelectInst>(number);
      const auto* test = chosen ? llvm::dyn_cast<llvm::ICmpInst>(chosen->getCondition()) : nullptr;
      const auto* live = test ? llvm::dyn_cast<llvm::LoadInst>(test->getOperand(0)) : nullptr;
      const auto* otherwise = chosen ? llvm::dyn_cast<llvm::ConstantInt>(chosen->getFalseValue()) : nullptr;
      const bool asks = live && live->getPointerOperand() == origins_.live() && test->getOperand(1) == region.mask &&
                        test->getPredicate() == llvm::CmpInst::ICMP_EQ && otherwise &&
                        otherwise->getZExtValue() == kDivergentBarrier;
      if (!asks)
        return wrong(fmt::format("a barrier in block {} does not ask for lanes elsewhere", name(*region.original)));
      number = chosen->getTrueValue();
    }
    const auto* site = llvm::dyn_cast_or_null<llvm::ConstantInt>(number);
    if (!site || (site->getZExtValue() & kFirstBarrier) == 0 || !numbers.insert(site->getZExtValue()).second)
      return wrong(fmt::format("a barrier in block {} has no number of its own", name(*region.original)));
  }
  return true;
}

}  // namespace anymetal::device::cpu
