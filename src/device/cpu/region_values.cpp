#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/InstIterator.h>

#include "device/cpu/region_verifier.hpp"

namespace anymetal::device::cpu {

bool RegionVerifier::check_values(const Region& region) {
  for (const auto* block : region.blocks)
    for (const auto& instruction : *block) {
      for (const auto& operand : instruction.operands()) {
        const auto* used = llvm::dyn_cast<Instruction>(operand.get());
        if (!used || used->getParent() == &made_.getEntryBlock() || region_of(*used->getParent()) == &region) continue;
        return wrong(
            fmt::format("'{}' takes a value of another block than {}", name(instruction), name(*region.original)));
      }
      if (const auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction); load && !check_slot_load(region, *load))
        return false;
      if (const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction); store && !check_slot_store(region, *store))
        return false;
    }
  return true;
}

bool RegionVerifier::check_slot_load(const Region& region, const llvm::LoadInst& load) {
  const auto* slot = llvm::dyn_cast<llvm::AllocaInst>(load.getPointerOperand());
  const auto* original = slot ? origins_.of(*slot).instruction : nullptr;
  if (!original) return true;
  const auto* phi = llvm::dyn_cast<llvm::PHINode>(original);
  // A store of a phi's slot keeps what other lanes have there, before any lane has come to the phi.
  const bool before_phi = phi && llvm::is_contained(llvm::successors(region.original), phi->getParent());
  if (!before_phi && !flow_.dominators.dominates(original->getParent(), region.original))
    return wrong(
        fmt::format("block {} takes '{}', which its lanes have not made", name(*region.original), name(*original)));
  const auto stores_in = [&](const Block& from, const Instruction& at) {
    return llvm::any_of(region_for(from).blocks, [&](const Block* block) {
      return llvm::any_of(*block, [&](const Instruction& instruction) {
        const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
        return store && store->getPointerOperand() == slot && origins_.of(instruction).instruction == &at;
      });
    });
  };
  if (!phi) {
    if (stores_in(*original->getParent(), *original)) return true;
    return wrong(fmt::format("'{}' is taken from where nothing puts it", name(*original)));
  }
  for (const auto* from : phi->blocks())
    if (numbers_.contains(from) && !stores_in(*from, *from->getTerminator()))
      return wrong(fmt::format("block {} does not give '{}' its value", name(*from), name(*original)));
  return true;
}

bool RegionVerifier::check_slot_store(const Region& region, const llvm::StoreInst& store) {
  const auto* slot = llvm::dyn_cast<llvm::AllocaInst>(store.getPointerOperand());
  const auto* original = slot ? origins_.of(*slot).instruction : nullptr;
  if (!original) return true;
  const auto* at = origins_.of(store).instruction;
  const auto* phi = llvm::dyn_cast<llvm::PHINode>(original);
  const bool in_place =
      phi ? at == region.original->getTerminator() && phi->getBasicBlockIndex(region.original) >= 0 : at == original;
  if (!in_place)
    return wrong(fmt::format("'{}' overwrites '{}' in block {}", name(store), name(*original), name(*region.original)));
  if (!phi || !region.apart) return true;
  // Lanes that wait at the phi came with values of their own.
  const auto target = numbers_.lookup(phi->getParent());
  const bool come = region.leave == region.entry && target == region.number;  // those that waited are here now
  const bool alone = come || !region.partial || !waiting_at(*region.leave).test(target);
  const bool same = shapes_.of(phi).is_uniform() && region.original->getTerminator()->getNumSuccessors() == 1;
  const auto* chosen = llvm::dyn_cast<llvm::SelectInst>(store.getValueOperand());
  const auto* kept = chosen ? llvm::dyn_cast<llvm::LoadInst>(chosen->getFalseValue()) : nullptr;
  if (alone || same || (kept && kept->getPointerOperand() == slot)) return true;
  return wrong(
      fmt::format("block {} overwrites '{}' of lanes that wait there", name(*region.original), name(*original)));
}

bool RegionVerifier::check_shared() {
  for (const auto& [phi, owner] : origins_.shared()) {
    // What leaves the loop by its latch is what the owner has in the next round, and lanes that have it are on their
    // way before the loop begins anew.
    const auto* latch = phi->getParent()->getSinglePredecessor();
    const auto* loop = latch ? flow_.loops.getLoopFor(latch) : nullptr;
    const bool same = loop && loop->getLoopLatch() == latch &&
                      loop->getParentLoop() == flow_.loops.getLoopFor(phi->getParent()) &&
                      loop->getHeader() == owner->getParent() && shapes_.of(phi).is_divergent() &&
                      owner->getIncomingValueForBlock(latch) == phi->getIncomingValueForBlock(latch);
    if (!same) return wrong(fmt::format("'{}' is taken for '{}'", name(*owner), name(*phi)));
    const auto& region = region_for(*latch);
    if (!region.apart)
      return wrong(fmt::format("block {} leaves '{}' on one of its ways only", name(*latch), name(*owner)));
    for (const auto* block : region.blocks)
      for (const auto& instruction : *block) {
        const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
        const auto* slot = store ? llvm::dyn_cast<llvm::AllocaInst>(store->getPointerOperand()) : nullptr;
        if (!slot || origins_.of(*slot).instruction != owner || !region.partial) continue;
        if (!keeps_other_lanes(region, store->getValueOperand()))
          return wrong(fmt::format("block {} overwrites '{}' of lanes that have left", name(*latch), name(*phi)));
      }
  }
  return true;
}

}  // namespace anymetal::device::cpu
