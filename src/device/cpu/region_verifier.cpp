#include "device/cpu/region_verifier.hpp"

#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/Support/raw_ostream.h>

#include <map>

#include "device/cpu/lane_emitter.hpp"
#include "device/cpu/sync_operation.hpp"

namespace anymetal::device::cpu {
namespace {

using Kind = SyncOperation::Kind;

std::optional<SyncOperation> sync_of(const llvm::Instruction& original) {
  const auto* call = llvm::dyn_cast<llvm::CallInst>(&original);
  return call ? sync_operation(*call) : std::nullopt;
}

bool is_zero(const llvm::Value* value) {
  const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(value);
  return constant && constant->isZero();
}

/// Those that are one instruction however many lanes there are.
bool is_made_once(const llvm::Instruction& original) {
  const auto operation = sync_of(original);
  return operation || llvm::isa<llvm::AtomicRMWInst, llvm::FenceInst>(original) ||
         (llvm::isa<llvm::StoreInst>(original) && llvm::cast<llvm::StoreInst>(original).isAtomic());
}

}  // namespace

std::string RegionVerifier::name(const llvm::Value& value) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (llvm::isa<Block>(value)) {
    value.printAsOperand(stream, false);
  } else {
    value.print(stream);
  }
  return std::string(llvm::StringRef(text).trim());
}

bool RegionVerifier::parts_lanes(const Block& original) const {
  const auto* branch = llvm::dyn_cast<llvm::BranchInst>(original.getTerminator());
  return branch && branch->isConditional() && !shapes_.of(branch->getCondition()).is_uniform();
}

const RegionVerifier::Region* RegionVerifier::region_of(const Block& block) const {
  const auto found = region_numbers_.find(&block);
  return found == region_numbers_.end() ? nullptr : &regions_[found->second];
}

const llvm::BasicBlock* RegionVerifier::waited_for(const llvm::Value* pointer) const {
  const auto* slot = llvm::dyn_cast<llvm::AllocaInst>(pointer);
  if (!slot) return nullptr;
  const auto origin = origins_.of(*slot);
  return origin && !origin.instruction ? origin.block : nullptr;
}

std::string RegionVerifier::run() {
  if (!find_regions() || !find_entries()) return problem_;
  find_ways_to_barriers();
  find_waiting();
  for (const auto& region : regions_)
    if (!check_effects(region) || !check_values(region) || !check_masks(region) || !check_edges(region) ||
        !check_chain(region))
      return problem_;
  (void)(check_shared() && check_ends() && check_barriers());
  return problem_;
}

bool RegionVerifier::find_regions() {
  for (const auto* block : flow_.order) {
    numbers_[block] = static_cast<unsigned>(regions_.size());
    auto& region = regions_.emplace_back();
    region.original = block;
    region.number = numbers_[block];
    region.partial = shapes_.is_partial(block);
    region.apart = region.partial || parts_lanes(*block);
  }
  for (auto& block : made_) {
    if (&block == &made_.getEntryBlock()) continue;  // stack slots
    const auto of_first = origins_.of(block.front());
    for (const auto& instruction : block) {
      const auto origin = origins_.of(instruction);
      if (origin.block != of_first.block)
        return wrong(fmt::format("'{}' stands among instructions of another block", name(instruction)));
      if (!origin && is_effect(instruction))
        return wrong(fmt::format("'{}' belongs to no block of the thread", name(instruction)));
    }
    if (!of_first) continue;
    region_numbers_[&block] = numbers_.lookup(of_first.block);
    regions_[numbers_.lookup(of_first.block)].blocks.push_back(&block);
  }
  return true;
}

bool RegionVerifier::find_entries() {
  for (auto& region : regions_) {
    for (auto* block : region.blocks) {
      const bool entered =
          llvm::any_of(llvm::predecessors(block), [&](auto* from) { return region_of(*from) != &region; });
      if (!entered) continue;
      if (region.entry) return wrong(fmt::format("block {} has several ways in", name(*region.original)));
      region.entry = block;
    }
    if (!region.entry) return wrong(fmt::format("block {} is never reached", name(*region.original)));
    unsigned cleared = 0, noted = 0;
    for (const auto& instruction : *region.entry) {
      const auto origin = origins_.of(instruction);
      if (origin.instruction) break;
      const auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction);
      if (load && waited_for(load->getPointerOperand()) == region.original && cleared == 0) region.mask = load;
      const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
      if (store && waited_for(store->getPointerOperand()) == region.original)
        cleared += is_zero(store->getValueOperand()) ? 1 : 2;
    }
    for (const auto& slot : made_.getEntryBlock()) noted += waited_for(&slot) == region.original ? 1 : 0;
    if (region.partial != (region.mask != nullptr))
      return wrong(fmt::format("block {} does not know which lanes are there", name(*region.original)));
    if (cleared != noted)
      return wrong(fmt::format("lanes that have come to block {} still wait for it", name(*region.original)));
    llvm::SmallPtrSet<const Block*, 4> leaving;
    for (const auto* block : region.blocks)
      if (origins_.of(*block->getTerminator()).instruction == region.original->getTerminator()) leaving.insert(block);
    for (auto* block : region.blocks)
      if (leaving.contains(block) && (block == region.entry || llvm::none_of(llvm::predecessors(block), [&](auto* b) {
                                        return leaving.contains(b);
                                      })))
        region.leave = block;
    if (!region.leave) return wrong(fmt::format("block {} is not left", name(*region.original)));
  }
  return true;
}

bool RegionVerifier::is_effect_of_thread(const Instruction& original) const {
  if (const auto operation = sync_of(original))
    return operation->kind == Kind::ThreadgroupBarrier || operation->kind == Kind::Reduce ||
           operation->kind == Kind::MultiplyAccumulate;
  if (llvm::isa<llvm::LoadInst, llvm::StoreInst, llvm::AtomicRMWInst, llvm::FenceInst>(original)) return true;
  const auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&original);
  return call && llvm::isa<llvm::MemIntrinsic>(call);
}

bool RegionVerifier::is_effect(const Instruction& made) const {
  const auto original = origins_.of(made).instruction;
  const auto operation = original ? sync_of(*original) : std::nullopt;
  if (operation && !is_effect_of_thread(*original))
    return false;  // lanes exchange through memory of the function's own
  if (const auto* call = llvm::dyn_cast<llvm::CallInst>(&made)) {
    if (call->getIntrinsicID() == llvm::Intrinsic::coro_suspend) return true;
    return operation || call->mayReadOrWriteMemory();  // of a reduction or product, the call is what does it
  }
  if (llvm::isa<llvm::FenceInst>(made)) return true;
  const auto* pointer = llvm::getLoadStorePointerOperand(&made);
  if (const auto* atomic = llvm::dyn_cast<llvm::AtomicRMWInst>(&made)) pointer = atomic->getPointerOperand();
  if (!pointer || pointer == site_) return false;
  const auto* slot = llvm::dyn_cast<llvm::AllocaInst>(llvm::getUnderlyingObject(pointer, 0));
  return !slot || origins_.is_private(*slot);
}

bool RegionVerifier::check_effects(const Region& region) {
  std::vector<const Instruction*> effects;
  for (const auto& original : *region.original)
    if (is_effect_of_thread(original)) effects.push_back(&original);
  std::map<const Instruction*, unsigned> made;
  for (const auto* block : region.blocks)
    for (const auto& instruction : *block)
      if (is_effect(instruction)) ++made[origins_.of(instruction).instruction];
  // What is atomic is in a loop over the lanes that are there, or has a copy for each lane where all are.
  const auto is_whole = [&](const Instruction& effect) {
    return !region.partial && effect.isAtomic() && made[&effect] == shapes_.width();
  };
  for (const auto* effect : effects)
    if (is_made_once(*effect) && made[effect] != 1 && !is_whole(*effect))
      return wrong(fmt::format("'{}' happens {} times", name(*effect), made[effect]));

  // How many effects have happened where a block begins; a loop over lanes goes on with the one it is at.
  llvm::DenseMap<const Block*, std::size_t> begun{{region.entry, 0}};
  llvm::SmallVector<const Block*, 8> open{region.entry};
  while (!open.empty()) {
    const auto* block = open.pop_back_val();
    auto done = begun.lookup(block);
    if (!check_block_effects(region, effects, *block, done)) return false;
    const auto* terminator = block->getTerminator();
    const unsigned ways = is_suspension(*block) ? 1 : 0;  // the default way of a suspension leaves the function
    for (unsigned i = ways; i < terminator->getNumSuccessors(); ++i) {
      const auto* next = terminator->getSuccessor(i);
      if (region_of(*next) != &region || next == region.entry) {
        if (done != effects.size())
          return wrong(fmt::format("'{}' is passed by in block {}", name(*effects[done]), name(*region.original)));
        continue;
      }
      const auto [known, fresh] = begun.try_emplace(next, done);
      if (fresh) open.push_back(next);
      const bool same = known->second == done || (known->second + 1 == done && dominators_.dominates(next, block));
      if (!fresh && !same)
        return wrong(fmt::format("block {} does '{}' on some of its ways only", name(*region.original),
                                 name(*effects[std::min(known->second, done)])));
    }
  }
  return true;
}

bool RegionVerifier::check_block_effects(const Region& region, llvm::ArrayRef<const Instruction*> effects,
                                         const Block& block, std::size_t& done) {
  for (const auto& instruction : block) {
    if (!is_effect(instruction)) continue;
    const auto* original = origins_.of(instruction).instruction;
    if (done > 0 && effects[done - 1] == original) continue;  // another component of it
    if (done < effects.size() && effects[done] == original) {
      ++done;
      continue;
    }
    return wrong(
        fmt::format("'{}' is not where block {} of the thread has it", name(instruction), name(*region.original)));
  }
  return true;
}

}  // namespace anymetal::device::cpu
