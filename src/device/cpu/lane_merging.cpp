#include "device/cpu/lane_merging.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Transforms/Utils/Cloning.h>
#include <llvm/Transforms/Utils/ValueMapper.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "device/cpu/thread_differences.hpp"
#include "device/cpu/thread_flow.hpp"
#include "device/cpu/thread_function.hpp"

namespace anymetal::device::cpu {
namespace {

/// Instructions of merged threads: each becomes one of vectors.
constexpr std::size_t kMostInstructions = 1200;

class Merging {
 public:
  Merging(const ThreadFunction& thread, const ThreadDifferences& differences, const LaneRows& rows)
      : thread_(thread), function_(*thread.function), differences_(differences), copies_(rows.merged()) {
    for (unsigned n = 1; n < copies_; ++n) maps_.push_back(std::make_unique<llvm::ValueToValueMapTy>());
    place_threads(rows);
  }

  void run() {
    llvm::SmallVector<llvm::BasicBlock*, 32> together;
    llvm::SmallPtrSet<llvm::BasicBlock*, 32> inside;
    for (const auto& one : differences_.apart()) inside.insert(one.blocks.begin(), one.blocks.end());
    for (auto& block : function_)
      if (!inside.contains(&block)) together.push_back(&block);
    for (const auto& one : differences_.apart()) repeat(one);
    for (auto* block : together) copy_instructions(*block);
    for (auto [n, instruction] : made_)
      llvm::RemapInstruction(instruction, *maps_[n - 1], llvm::RF_IgnoreMissingLocals | llvm::RF_NoModuleLevelChanges);
    // They speak of one thread.
    for (auto& instruction : llvm::instructions(function_))
      for (const unsigned kind : {llvm::LLVMContext::MD_noalias, llvm::LLVMContext::MD_alias_scope})
        instruction.setMetadata(kind, nullptr);
  }

 private:
  /// Where the other threads are.
  void place_threads(const LaneRows& rows) {
    auto& entry = function_.getEntryBlock();
    llvm::IRBuilder<> builder(&entry, entry.getFirstInsertionPt());
    auto* index = thread_.geometry(kThreadIndex);
    for (unsigned n = 1; n < copies_; ++n) {
      auto& map = *maps_[n - 1];
      const bool beside = rows.merged_x > 1;
      auto* position = thread_.geometry(kThread + (beside ? 0 : 1));
      auto* ahead = builder.getInt32(beside ? n * rows.width : n);
      map[position] = builder.CreateAdd(position, ahead, "", /*HasNUW=*/true, /*HasNSW=*/true);
      auto* further = beside ? static_cast<llvm::Value*>(ahead)
                             : builder.CreateMul(thread_.geometry(kThreadsPerGroup), ahead, "", true, true);
      map[index] = builder.CreateAdd(index, further, "", true, true);
    }
  }

  /// Ways that part: once for each thread, one after the other.
  void repeat(const Apart& one) {
    auto* first = begin_of(one);
    llvm::SmallSetVector<llvm::BasicBlock*, 8> blocks;
    blocks.insert(first);
    blocks.insert(one.blocks.begin(), one.blocks.end());
    auto* last = end_of(blocks, one.end);
    blocks.insert(last);
    auto* before = last;
    for (unsigned n = 1; n < copies_; ++n) {
      auto& map = *maps_[n - 1];
      for (auto* block : blocks) {
        auto* copy = llvm::CloneBasicBlock(block, map, ".again", &function_);
        copy->moveBefore(one.end);
        map[block] = copy;
        for (auto& instruction : *copy) made_.emplace_back(n, &instruction);
      }
    }
    // The copies still end as the first does.
    for (unsigned n = 1; n < copies_; ++n) {
      auto& map = *maps_[n - 1];
      before->getTerminator()->setSuccessor(0, llvm::cast<llvm::BasicBlock>(map[first]));
      before = llvm::cast<llvm::BasicBlock>(map[last]);
    }
    one.end->replacePhiUsesWith(last, before);
  }

  /// A block that begins it, without phis and with one way in.
  llvm::BasicBlock* begin_of(const Apart& one) {
    if (!one.before) return one.begin->splitBasicBlock(one.begin->getTerminator(), "apart");
    auto* begin = llvm::BasicBlock::Create(function_.getContext(), "apart", &function_, one.begin);
    llvm::BranchInst::Create(one.begin, begin);
    one.before->getTerminator()->replaceSuccessorWith(one.begin, begin);
    one.begin->replacePhiUsesWith(one.before, begin);
    return begin;
  }

  /// A block that ends it, with one way out and a phi for all that is used behind it.
  llvm::BasicBlock* end_of(const llvm::SmallSetVector<llvm::BasicBlock*, 8>& blocks, llvm::BasicBlock* behind) {
    auto* end = llvm::BasicBlock::Create(function_.getContext(), "together", &function_, behind);
    llvm::SmallVector<llvm::BasicBlock*, 4> from;
    for (auto* block : llvm::predecessors(behind))
      if (blocks.contains(block) && !llvm::is_contained(from, block)) from.push_back(block);
    for (auto& phi : behind->phis()) {
      auto* own = llvm::PHINode::Create(phi.getType(), static_cast<unsigned>(from.size()), "", end);
      for (auto* block : from) own->addIncoming(phi.getIncomingValueForBlock(block), block);
      for (auto* block : from)
        while (phi.getBasicBlockIndex(block) >= 0) phi.removeIncomingValue(block, /*DeletePHIIfEmpty=*/false);
      phi.addIncoming(own, end);
    }
    for (auto* block : from) block->getTerminator()->replaceSuccessorWith(behind, end);
    for (auto* block : blocks)
      for (auto& instruction : *block) lead_out(instruction, blocks, end, from);
    llvm::BranchInst::Create(behind, end);
    return end;
  }

  void lead_out(llvm::Instruction& instruction, const llvm::SmallSetVector<llvm::BasicBlock*, 8>& blocks,
                llvm::BasicBlock* end, llvm::ArrayRef<llvm::BasicBlock*> from) {
    llvm::PHINode* own = nullptr;
    for (auto& use : llvm::make_early_inc_range(instruction.uses())) {
      auto* user = llvm::cast<llvm::Instruction>(use.getUser());
      if (user->getParent() == end || blocks.contains(user->getParent())) continue;
      if (!own) {
        own = llvm::PHINode::Create(instruction.getType(), static_cast<unsigned>(from.size()), "", end->begin());
        for (auto* block : from) own->addIncoming(&instruction, block);
      }
      use.set(own);
    }
  }

  void copy_instructions(llvm::BasicBlock& block) {
    for (auto& instruction : llvm::make_early_inc_range(block)) {
      if (!differences_.differs(&instruction)) continue;
      auto* after = &instruction;
      for (unsigned n = 1; n < copies_; ++n) {
        auto* copy = instruction.clone();
        copy->insertAfter(after);
        after = copy;
        (*maps_[n - 1])[&instruction] = copy;
        made_.emplace_back(n, copy);
      }
    }
  }

  const ThreadFunction& thread_;
  llvm::Function& function_;
  const ThreadDifferences& differences_;
  unsigned copies_;
  std::vector<std::unique_ptr<llvm::ValueToValueMapTy>> maps_;  ///< from the first thread's to another's
  std::vector<std::pair<unsigned, llvm::Instruction*>> made_;   ///< for which thread
};

/// Bits of the values that a lane keeps from round to round of the loops that threads go through together, in the loop
/// with the most of them.
std::size_t bits_kept_in_loops(const ThreadDifferences& differences, const ThreadFlow& flow, const LaneShapes& shapes) {
  llvm::SmallPtrSet<const llvm::BasicBlock*, 8> apart;
  for (const auto& one : differences.apart()) apart.insert(one.blocks.begin(), one.blocks.end());
  std::size_t most = 0;
  for (const auto* loop : flow.loops.getLoopsInPreorder()) {
    if (apart.contains(loop->getHeader())) continue;
    std::size_t bits = 0;
    for (const auto& phi : loop->getHeader()->phis())
      if (differences.differs(&phi) && shapes.of(&phi).is_divergent())
        bits += phi.getType()->getPrimitiveSizeInBits().getFixedValue();
    most = std::max(most, bits);
  }
  return most;
}

}  // namespace

bool some_lanes_wait(const ThreadFlow& flow, const LaneShapes& shapes) {
  return llvm::any_of(flow.order, [&](const llvm::BasicBlock* block) {
    return shapes.is_partial(block) && llvm::any_of(*block, is_threadgroup_barrier);
  });
}

MergingLimits merging_limits(const ThreadFunction& thread, const ThreadFlow& flow, const LaneShapes& shapes,
                             const llvm::TargetTransformInfo& costs) {
  if (some_lanes_wait(flow, shapes)) return {};
  std::size_t kept = 0;  // bits a lane
  const auto limit = [&](Axis axis) {
    const ThreadDifferences differences(thread, flow, axis, shapes.width());
    if (!differences.obstacle().empty()) return 1U;
    kept = std::max(kept, bits_kept_in_loops(differences, flow, shapes));
    return static_cast<unsigned>(std::max(kMostInstructions / std::max<std::size_t>(differences.count(), 1), std::size_t{1}));
  };
  MergingLimits limits{limit(Axis::X), limit(Axis::Y)};
  const auto vectors = costs.getNumberOfRegisters(costs.getRegisterClassForType(/*Vector=*/true));
  const auto bits = costs.getRegisterBitWidth(llvm::TargetTransformInfo::RGK_FixedWidthVector).getFixedValue();
  // A quarter is left to what is computed with them.
  const auto room = std::size_t{vectors} * bits / 4 * 3;
  limits.lanes = static_cast<unsigned>(std::min<std::size_t>(room / std::max<std::size_t>(kept, 1), kMaxThreads));
  return limits;
}

std::string merge_threads(const ThreadFunction& thread, const ThreadFlow& flow, const LaneRows& rows) {
  const ThreadDifferences differences(thread, flow, rows.merged_x > 1 ? Axis::X : Axis::Y, rows.width);
  if (!differences.obstacle().empty()) return differences.obstacle();
  Merging(thread, differences, rows).run();
  return {};
}

void remove_barriers(const ThreadFunction& thread) {
  for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(*thread.function)))
    if (is_threadgroup_barrier(instruction)) instruction.eraseFromParent();
}

}  // namespace anymetal::device::cpu
