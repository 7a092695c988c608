#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/IntrinsicInst.h>

#include <array>
#include <map>
#include <optional>

#include "device/cpu/lane_emitter.hpp"
#include "device/cpu/region_verifier.hpp"
#include "device/cpu/sync_operation.hpp"

namespace anymetal::device::cpu {
namespace {

const llvm::Value* without_freeze(const llvm::Value* value) {
  while (const auto* freeze = llvm::dyn_cast<llvm::FreezeInst>(value)) value = freeze->getOperand(0);
  return value;
}

/// What made the element that the value is: an element of a vector has no instruction of its own where lanes are
/// vectors.
const llvm::Value* maker(const llvm::Value* value) {
  value = without_freeze(value);
  const auto* extract = llvm::dyn_cast<llvm::ExtractElementInst>(value);
  const auto* index = extract ? llvm::dyn_cast<llvm::ConstantInt>(extract->getIndexOperand()) : nullptr;
  if (!index) return value;
  auto element = index->getZExtValue();
  for (value = extract->getVectorOperand();;) {
    value = without_freeze(value);
    if (const auto* insert = llvm::dyn_cast<llvm::InsertElementInst>(value)) {
      const auto* place = llvm::dyn_cast<llvm::ConstantInt>(insert->getOperand(2));
      if (!place) return value;
      if (place->getZExtValue() == element) return maker(insert->getOperand(1));
      value = insert->getOperand(0);
    } else if (const auto* shuffle = llvm::dyn_cast<llvm::ShuffleVectorInst>(value)) {
      const auto* first = llvm::dyn_cast<llvm::FixedVectorType>(shuffle->getOperand(0)->getType());
      if (!first || element >= shuffle->getShuffleMask().size() || shuffle->getShuffleMask()[element] < 0) return value;
      element = static_cast<unsigned>(shuffle->getShuffleMask()[element]);
      const bool is_first = element < first->getNumElements();
      value = shuffle->getOperand(is_first ? 0 : 1);
      if (!is_first) element -= first->getNumElements();
    } else {
      return value;
    }
  }
}

}  // namespace

bool RegionVerifier::is_active(const Region& region, const llvm::Value* value) const {
  const auto* cast = llvm::dyn_cast<llvm::BitCastInst>(value);
  if (!cast) return false;
  const auto* cut = llvm::dyn_cast<llvm::TruncInst>(cast->getOperand(0));
  return (cut ? cut->getOperand(0) : cast->getOperand(0)) == region.mask;
}

bool RegionVerifier::keeps_other_lanes(const Region& region, const llvm::Value* value) const {
  const auto* chosen = llvm::dyn_cast<llvm::SelectInst>(value);
  return chosen && is_active(region, chosen->getCondition());
}

bool RegionVerifier::is_guarded(const Region& region, const Instruction& made) const {
  const auto& original = *origins_.of(made).instruction;
  // One lane after the other: the loop takes its lanes off the mask.
  const auto* left = llvm::dyn_cast<llvm::PHINode>(&made.getParent()->front());
  if (left && llvm::is_contained(left->incoming_values(), region.mask)) return true;
  if (const auto* call = llvm::dyn_cast<llvm::CallInst>(&made)) {
    const auto* meeting = llvm::dyn_cast<llvm::CallInst>(&original);
    const auto operation = meeting ? sync_operation(*meeting) : std::nullopt;
    switch (call->getIntrinsicID()) {
      case llvm::Intrinsic::masked_load:
      case llvm::Intrinsic::masked_gather:
        return is_active(region, call->getArgOperand(2));
      case llvm::Intrinsic::masked_store:
      case llvm::Intrinsic::masked_scatter:
        return is_active(region, call->getArgOperand(3));
      case llvm::Intrinsic::coro_suspend:
        return true;  // check_barriers() sees to it
      default:
        break;
    }
    if (operation && operation->kind == SyncOperation::Kind::MultiplyAccumulate) return true;
    if (operation) return keeps_other_lanes(region, call->getArgOperand(call->arg_size() - 1));
    if (llvm::isa<llvm::MemIntrinsic>(original)) return shapes_.of(&original).is_uniform();
    return llvm::any_of(call->args(), [&](const auto& argument) { return argument.get() == region.mask; });
  }
  if (llvm::isa<llvm::FenceInst>(made)) return true;
  const auto* pointer = llvm::getLoadStorePointerOperand(&original);
  if (!pointer) return false;
  if (private_variable(const_cast<llvm::Value*>(pointer)))
    return llvm::isa<llvm::LoadInst>(made) ||
           keeps_other_lanes(region, llvm::cast<llvm::StoreInst>(made).getValueOperand());
  if (shapes_.of(pointer).is_uniform()) return true;
  // A whole vector: only where the mask has all lanes.
  const auto* from = made.getParent()->getSinglePredecessor();
  const auto* branch = from ? llvm::dyn_cast<llvm::BranchInst>(from->getTerminator()) : nullptr;
  const auto* test =
      branch && branch->isConditional() ? llvm::dyn_cast<llvm::ICmpInst>(branch->getCondition()) : nullptr;
  const auto* all = test ? llvm::dyn_cast<llvm::ConstantInt>(test->getOperand(1)) : nullptr;
  return all && is_everyone(*all) && test->getPredicate() == llvm::CmpInst::ICMP_EQ &&
         test->getOperand(0) == region.mask && branch->getSuccessor(0) == made.getParent();
}

bool RegionVerifier::check_masks(const Region& region) {
  if (!region.partial) return true;
  for (const auto* block : region.blocks)
    for (const auto& instruction : *block) {
      if (is_effect(instruction) && !is_guarded(region, instruction))
        return wrong(
            fmt::format("'{}' is done for lanes that are not in block {}", name(instruction), name(*region.original)));
      const auto* binary = llvm::dyn_cast<llvm::BinaryOperator>(&instruction);
      if (!binary || !binary->isIntDivRem() || !binary->getType()->isVectorTy()) continue;
      // A vector of the kernel's own that all lanes share is divided once, as a scalar is.
      const auto* original = origins_.of(*binary).instruction;
      if (original && original->getType()->isVectorTy() && shapes_.of(original).is_uniform()) continue;
      if (!llvm::isa<llvm::Constant>(binary->getOperand(1)) && !keeps_other_lanes(region, binary->getOperand(1)))
        return wrong(
            fmt::format("'{}' divides for lanes that are not in block {}", name(instruction), name(*region.original)));
    }
  return true;
}

bool RegionVerifier::is_condition(const Region& region, const llvm::Value* value) const {
  const auto& branch = llvm::cast<llvm::BranchInst>(*region.original->getTerminator());
  if (branch.isUnconditional()) return false;
  const auto* condition = branch.getCondition();
  const auto is_made_for = [&](const Instruction* original) {
    return original && (original == condition || original == without_freeze(condition) || original == maker(condition));
  };
  value = without_freeze(value);
  const auto* instruction = llvm::dyn_cast<Instruction>(value);
  // Arithmetic on the numbers of lanes is folded while it is emitted: nothing tells then what the constant was made
  // for.
  const bool folded = llvm::isa<llvm::Constant>(value) && value->getType()->isVectorTy();
  if (!instruction) return folded || !llvm::isa<Instruction>(condition);
  if (const auto* load = llvm::dyn_cast<llvm::LoadInst>(instruction))
    if (const auto* slot = llvm::dyn_cast<llvm::AllocaInst>(load->getPointerOperand()))
      return is_made_for(origins_.of(*slot).instruction);
  return is_made_for(origins_.of(*instruction).instruction);
}

bool RegionVerifier::check_edges(const Region& region) {
  return region.apart ? check_edges_apart(region) : check_edges_together(region);
}

bool RegionVerifier::check_edges_apart(const Region& region) {
  // The block's last instructions are run for sample masks, and must hand on what the branch of the thread says.
  const auto& branch = *region.original->getTerminator();
  const bool parts = parts_lanes(*region.original);
  struct Sample {
    std::uint32_t mask, taken;
  };
  for (const auto& sample : parts ? std::array<Sample, 2>{{{0xff00'ff01, 0x0ff0'a5a5}, {~0u, 0x8000'0001}}}
                                  : std::array<Sample, 2>{{{0x00ff'1234, ~0u}, {0x00ff'1234, 0}}}) {
    const std::uint32_t here = (region.partial ? sample.mask : ~0u) & shapes_.all_lanes();
    constexpr std::uint32_t kBefore = 0x0100'0002;  // who waited before
    std::map<const llvm::AllocaInst*, std::uint32_t> slots;
    llvm::DenseMap<const llvm::Value*, std::uint32_t> known;
    if (region.mask) known[region.mask] = here;
    const auto at = [&](const llvm::AllocaInst* slot) -> std::uint32_t& {
      return slots.try_emplace(slot, slot == origins_.live() ? shapes_.all_lanes() : kBefore).first->second;
    };
    const auto value = [&](const llvm::Value* of) -> std::optional<std::uint32_t> {
      if (const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(of); constant && of->getType()->isIntegerTy(32))
        return static_cast<std::uint32_t>(constant->getZExtValue());
      const auto found = known.find(of);
      return found == known.end() ? std::nullopt : std::optional(found->second);
    };
    const auto noted = [&](const llvm::Value* pointer) -> const llvm::AllocaInst* {
      const auto* slot = llvm::dyn_cast<llvm::AllocaInst>(pointer);
      return slot && (slot == origins_.live() || waited_for(slot)) ? slot : nullptr;
    };
    for (const auto& made : *region.leave) {
      if (origins_.of(made).instruction != &branch) continue;
      if (const auto* load = llvm::dyn_cast<llvm::LoadInst>(&made)) {
        if (const auto* slot = noted(load->getPointerOperand())) known[load] = at(slot);
      } else if (const auto* store = llvm::dyn_cast<llvm::StoreInst>(&made)) {
        const auto* slot = noted(store->getPointerOperand());
        if (!slot) continue;
        const auto stored = value(store->getValueOperand());
        if (!stored)
          return wrong(fmt::format("'{}' is no set of lanes of block {}", name(made), name(*region.original)));
        at(slot) = *stored;
      } else if (const auto* cast = llvm::dyn_cast<llvm::BitCastInst>(&made)) {
        if (parts && made.getType()->isIntegerTy(shapes_.width()) && is_condition(region, cast->getOperand(0)))
          known[cast] = sample.taken & shapes_.all_lanes();
      } else if (const auto* extended = llvm::dyn_cast<llvm::ZExtInst>(&made)) {
        if (const auto found = known.find(extended->getOperand(0)); found != known.end())
          known[extended] = std::uint32_t{found->second};
      } else if (const auto* chosen = llvm::dyn_cast<llvm::SelectInst>(&made)) {
        const auto yes = value(chosen->getTrueValue());
        const auto no = value(chosen->getFalseValue());
        if (!parts && yes && no && is_condition(region, chosen->getCondition()))
          known[chosen] = sample.taken ? *yes : *no;
      } else if (const auto* binary = llvm::dyn_cast<llvm::BinaryOperator>(&made)) {
        const auto a = value(binary->getOperand(0));
        const auto b = value(binary->getOperand(1));
        if (!a || !b) continue;
        if (binary->getOpcode() == Instruction::And) known[binary] = *a & *b;
        if (binary->getOpcode() == Instruction::Or) known[binary] = *a | *b;
        if (binary->getOpcode() == Instruction::Xor) known[binary] = *a ^ *b;
      }
    }
    std::map<const Block*, std::uint32_t> wanted;
    std::uint32_t live = shapes_.all_lanes();
    for (unsigned way = 0; way < branch.getNumSuccessors(); ++way) {
      const auto* next = branch.getSuccessor(way);
      const auto going = branch.getNumSuccessors() == 1 ? here : here & (way == 0 ? sample.taken : ~sample.taken);
      wanted.try_emplace(next, kBefore).first->second |= going;
      if (to_barrier_.contains(region.original) && !to_barrier_.contains(next)) live &= ~going;
    }
    for (const auto& [slot, lanes] : slots) {
      const auto* next = waited_for(slot);
      const auto right = next ? wanted.contains(next) && wanted[next] == lanes : live == lanes;
      if (!right)
        return wrong(next ? fmt::format("block {} hands on the wrong lanes to {}", name(*region.original), name(*next))
                          : fmt::format("block {} miscounts who may reach a barrier", name(*region.original)));
      wanted.erase(next);
    }
    if (!wanted.empty())
      return wrong(
          fmt::format("block {} hands on no lanes to {}", name(*region.original), name(*wanted.begin()->first)));
    if (live != shapes_.all_lanes() && !slots.contains(origins_.live()))
      return wrong(fmt::format("block {} miscounts who may reach a barrier", name(*region.original)));
  }
  return true;
}

bool RegionVerifier::check_edges_together(const Region& region) {
  const auto& branch = *region.original->getTerminator();
  const auto* made = region.leave->getTerminator();
  if (branch.getNumSuccessors() == 0)
    return made->getNumSuccessors() == 1 || wrong(fmt::format("block {} does not end", name(*region.original)));
  if (made->getNumSuccessors() != branch.getNumSuccessors() ||
      (made->getNumSuccessors() == 2 && !is_condition(region, llvm::cast<llvm::BranchInst>(made)->getCondition())))
    return wrong(fmt::format("block {} branches on something else", name(*region.original)));
  for (unsigned way = 0; way < branch.getNumSuccessors(); ++way) {
    const auto& next = region_for(*branch.getSuccessor(way));
    const auto* passage = made->getSuccessor(way);
    bool told = !next.partial;
    for (const auto& instruction : *passage)
      if (const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
          store && waited_for(store->getPointerOperand()) == next.original) {
        const auto* all = llvm::dyn_cast<llvm::ConstantInt>(store->getValueOperand());
        told = all && is_everyone(*all);
      }
    if (region_of(*passage) != &region || passage->getSingleSuccessor() != next.entry || !told)
      return wrong(
          fmt::format("block {} does not go on to {} with all lanes", name(*region.original), name(*next.original)));
  }
  return true;
}

}  // namespace anymetal::device::cpu
