#include "device/cpu/lane_rounds.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <optional>
#include <utility>

#include "device/cpu/lane_shapes.hpp"
#include "device/cpu/sync_operation.hpp"
#include "device/cpu/thread_flow.hpp"
#include "device/cpu/thread_function.hpp"

namespace anymetal::device::cpu {
namespace {

/// Longer loops gain little, and a copy is compiled too.
constexpr std::size_t kLongestRound = 64;

/// The question `value < end`, however it is written.
struct Below {
  llvm::Value* value = nullptr;
  llvm::Value* end = nullptr;
  bool is_signed = false;
};

/// What a conditional branch that goes to `to` asks, if it asks that.
std::optional<Below> goes_on_below(const llvm::BranchInst& branch, const llvm::BasicBlock* to) {
  const auto* question = llvm::dyn_cast<llvm::ICmpInst>(branch.getCondition());
  if (!question) return std::nullopt;
  auto predicate = branch.getSuccessor(0) == to ? question->getPredicate() : question->getInversePredicate();
  auto *value = question->getOperand(0), *end = question->getOperand(1);
  if (predicate == llvm::ICmpInst::ICMP_UGT || predicate == llvm::ICmpInst::ICMP_SGT) {
    std::swap(value, end);
    predicate = llvm::ICmpInst::getSwappedPredicate(predicate);
  }
  if (predicate != llvm::ICmpInst::ICMP_ULT && predicate != llvm::ICmpInst::ICMP_SLT) return std::nullopt;
  return Below{value, end, predicate == llvm::ICmpInst::ICMP_SLT};
}

/// The block that asks for the first round what the latch asks for the others, or null.
llvm::BasicBlock* guard_of(const CountedRounds& rounds) {
  auto* block = rounds.preheader->getSinglePredecessor();
  const auto* branch = block ? llvm::dyn_cast<llvm::BranchInst>(block->getTerminator()) : nullptr;
  if (!branch || !branch->isConditional()) return nullptr;
  const auto asked = goes_on_below(*branch, rounds.preheader);
  const auto* other = branch->getSuccessor(branch->getSuccessor(0) == rounds.preheader ? 1 : 0);
  const bool is_same = asked && asked->value == rounds.counter->getIncomingValueForBlock(rounds.preheader) &&
                       asked->end == rounds.end && asked->is_signed == rounds.is_signed;
  return is_same && other == rounds.exit->getSingleSuccessor() ? block : nullptr;
}

/// The phi of the header that has in the next round what leaves the loop as `value`, or null.
llvm::PHINode* carried(const CountedRounds& rounds, const llvm::Value* value) {
  for (auto& phi : rounds.blocks.front()->phis())
    if (phi.getIncomingValueForBlock(rounds.latch) == value) return &phi;
  return nullptr;
}

/// Whether what is asked for behind the loop is known where lanes have not begun it too.
bool leaves_with_what_it_carries(const CountedRounds& rounds) {
  for (const auto& phi : rounds.exit->phis())
    if (!carried(rounds, phi.getIncomingValueForBlock(rounds.latch))) return false;
  if (!rounds.guard) return true;
  for (auto& phi : rounds.exit->getSingleSuccessor()->phis()) {
    const auto* before = phi.getIncomingValueForBlock(rounds.guard);
    const auto* after = phi.getIncomingValueForBlock(rounds.exit);
    if (before == after) continue;
    const auto* own = llvm::dyn_cast<llvm::PHINode>(after);
    if (!own || own->getParent() != rounds.exit) return false;
    const auto* header = carried(rounds, own->getIncomingValueForBlock(rounds.latch));
    if (header->getIncomingValueForBlock(rounds.preheader) != before) return false;
  }
  return true;
}

bool may_be_copied(const llvm::BasicBlock& block) {
  return llvm::none_of(block, [](const llvm::Instruction& instruction) {
    const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    return llvm::isa<llvm::AllocaInst>(instruction) || (call && sync_operation(*call));
  });
}

/// Whether the preheader does nothing but compute, for the loop: it runs twice, or not at all.
bool prepares_only(const CountedRounds& rounds) {
  for (const auto& phi : rounds.blocks.front()->phis()) {
    const auto* first = llvm::dyn_cast<llvm::Instruction>(phi.getIncomingValueForBlock(rounds.preheader));
    if (rounds.guard && first && first->getParent() == rounds.preheader) return false;
  }
  return !rounds.guard || (rounds.preheader->phis().empty() && may_be_copied(*rounds.preheader) &&
                           llvm::none_of(*rounds.preheader, [](const llvm::Instruction& instruction) {
                             return instruction.mayHaveSideEffects() || instruction.mayReadFromMemory();
                           }));
}

std::optional<CountedRounds> counted_rounds(const llvm::Loop& loop, const LaneShapes& shapes) {
  CountedRounds rounds;
  rounds.preheader = loop.getLoopPreheader();
  rounds.latch = loop.getLoopLatch();
  rounds.exit = loop.getUniqueExitBlock();
  if (!loop.isInnermost() || !rounds.exit || loop.getExitingBlock() != rounds.latch) return std::nullopt;
  rounds.blocks.append(loop.block_begin(), loop.block_end());
  std::size_t instructions = 0;
  for (const auto* block : rounds.blocks) {
    instructions += block->size();
    if (!may_be_copied(*block)) return std::nullopt;
  }
  if (instructions > kLongestRound) return std::nullopt;
  const auto* branch = llvm::dyn_cast<llvm::BranchInst>(rounds.latch->getTerminator());
  const auto asked = branch ? goes_on_below(*branch, rounds.blocks.front()) : std::nullopt;
  rounds.counter = asked ? carried(rounds, asked->value) : nullptr;
  if (!rounds.counter || !rounds.counter->getType()->isIntegerTy(32)) return std::nullopt;
  const auto shape = shapes.of(rounds.counter);
  if (!shape.is_linear() || shape.conditional || shape.stride < 0 || !shapes.of(asked->end).is_uniform() ||
      !loop.isLoopInvariant(asked->end))
    return std::nullopt;
  rounds.end = asked->end;
  rounds.is_signed = asked->is_signed;
  rounds.stride = shape.stride;
  if (rounds.exit->getSingleSuccessor() && rounds.exit->getFirstNonPHI() == rounds.exit->getTerminator())
    rounds.guard = guard_of(rounds);
  if (shapes.is_partial(rounds.guard ? rounds.guard : rounds.preheader)) return std::nullopt;
  if (!leaves_with_what_it_carries(rounds) || !prepares_only(rounds)) return std::nullopt;
  return rounds;
}

/// Asks what the loop asks before each round, of another counter and end.
llvm::Value* is_below(llvm::IRBuilder<>& builder, const CountedRounds& rounds, llvm::Value* counter, llvm::Value* end) {
  return builder.CreateICmp(rounds.is_signed ? llvm::ICmpInst::ICMP_SLT : llvm::ICmpInst::ICMP_ULT, counter, end);
}

/// A loop that is entered without a question gets a guard, whose answer is yes.
void add_guard(CountedRounds& rounds) {
  rounds.guard = rounds.preheader;
  rounds.preheader = rounds.guard->splitBasicBlock(rounds.guard->getTerminator(), "rounds.begin");
  auto* behind = rounds.exit;
  rounds.exit = behind->splitBasicBlockBefore(behind->getFirstNonPHI(), "rounds.exit");
  for (auto& phi : rounds.exit->phis()) {
    auto* merged = llvm::PHINode::Create(phi.getType(), 2, "", behind->begin());
    phi.replaceAllUsesWith(merged);
    merged->addIncoming(
        carried(rounds, phi.getIncomingValueForBlock(rounds.latch))->getIncomingValueForBlock(rounds.preheader),
        rounds.guard);
    merged->addIncoming(&phi, rounds.exit);
  }
  rounds.guard->getTerminator()->eraseFromParent();
  llvm::IRBuilder<> builder(rounds.guard);
  auto* first = rounds.counter->getIncomingValueForBlock(rounds.preheader);
  auto* begins = is_below(builder, rounds, first, rounds.end);
  builder.CreateCondBr(begins, rounds.preheader, behind);
}

class WholeRounds {
 public:
  WholeRounds(llvm::Function& function, CountedRounds rounds, unsigned width)
      : function_(function), rounds_(std::move(rounds)), width_(width), builder_(function.getContext()) {}

  void add() {
    if (!rounds_.guard) add_guard(rounds_);
    auto* guard = rounds_.guard;
    auto* begins = guard->getTerminator();
    builder_.SetInsertPoint(begins);
    // Below it lane 0's counter leaves room for the last lane's.
    const auto reach = rounds_.stride * (width_ - 1);
    auto* end =
        builder_.CreateBinaryIntrinsic(rounds_.is_signed ? llvm::Intrinsic::ssub_sat : llvm::Intrinsic::usub_sat,
                                       rounds_.end, builder_.getInt32(static_cast<std::uint32_t>(reach)));
    auto* all_begin = all_go_on(rounds_.counter->getIncomingValueForBlock(rounds_.preheader), end);

    copy();
    auto* rest = llvm::BasicBlock::Create(function_.getContext(), "rounds.rest", &function_, rounds_.preheader);
    auto* leave = llvm::BasicBlock::Create(function_.getContext(), "rounds.leave", &function_, rest);
    auto* latch = copied(rounds_.latch);
    latch->getTerminator()->eraseFromParent();
    builder_.SetInsertPoint(latch);
    auto* all_go = all_go_on(copied(rounds_.counter->getIncomingValueForBlock(rounds_.latch)), end);
    builder_.CreateCondBr(all_go, copied(rounds_.blocks.front()), leave);

    llvm::DenseMap<llvm::PHINode*, llvm::PHINode*> now;
    for (auto& phi : rounds_.blocks.front()->phis()) {
      auto* last = llvm::PHINode::Create(phi.getType(), 1, "", leave);
      last->addIncoming(copied(phi.getIncomingValueForBlock(rounds_.latch)), latch);
      auto* merged = llvm::PHINode::Create(phi.getType(), 2, "", rest);
      merged->addIncoming(phi.getIncomingValueForBlock(rounds_.preheader), guard);
      merged->addIncoming(last, leave);
      now[&phi] = merged;
    }
    llvm::BranchInst::Create(rest, leave);
    ask_again(rest, now);
    for (const auto& [phi, merged] : now) phi->setIncomingValueForBlock(rounds_.preheader, merged);
    begins->eraseFromParent();
    builder_.SetInsertPoint(guard);
    builder_.CreateCondBr(all_begin, copied(rounds_.preheader), rest);
  }

 private:
  /// `counter` is of one lane, `end` of all.
  llvm::Value* all_go_on(llvm::Value* counter, llvm::Value* end) {
    auto* word = builder_.getInt32Ty();
    auto shuffle = function_.getParent()->getOrInsertFunction("__msl_simd_shuffle", word, word, word);
    auto* first = builder_.CreateCall(shuffle, {counter, builder_.getInt32(0)});
    return is_below(builder_, rounds_, first, end);
  }

  void copy() {
    llvm::SmallVector<llvm::BasicBlock*, 4> made;
    auto copy_block = [&](llvm::BasicBlock* block) {
      auto* clone = llvm::CloneBasicBlock(block, copies_, ".whole", &function_);
      clone->moveBefore(rounds_.preheader);
      copies_[block] = clone;
      made.push_back(clone);
    };
    copy_block(rounds_.preheader);
    for (auto* block : rounds_.blocks) copy_block(block);
    llvm::remapInstructionsInBlocks(made, copies_);
  }
  template <class T>
  T* copied(T* value) {
    const auto found = copies_.find(value);
    return found == copies_.end() ? value : llvm::cast<T>(found->second);
  }

  /// Ends `rest` as the guard ends, for the counters that lanes have now.
  void ask_again(llvm::BasicBlock* rest, const llvm::DenseMap<llvm::PHINode*, llvm::PHINode*>& now) {
    auto* behind = rounds_.exit->getSingleSuccessor();
    for (auto& phi : behind->phis()) {
      const auto* own = llvm::dyn_cast<llvm::PHINode>(phi.getIncomingValueForBlock(rounds_.exit));
      auto* header = own && own->getParent() == rounds_.exit
                         ? carried(rounds_, own->getIncomingValueForBlock(rounds_.latch))
                         : nullptr;
      const int way = phi.getBasicBlockIndex(rounds_.guard);
      phi.setIncomingBlock(static_cast<unsigned>(way), rest);
      if (header) phi.setIncomingValue(static_cast<unsigned>(way), now.lookup(header));
    }
    builder_.SetInsertPoint(rest);
    auto* counter = now.lookup(rounds_.counter);
    builder_.CreateCondBr(is_below(builder_, rounds_, counter, rounds_.end), rounds_.preheader, behind);
  }

  llvm::Function& function_;
  CountedRounds rounds_;
  unsigned width_;
  llvm::IRBuilder<> builder_;
  llvm::ValueToValueMapTy copies_;
};

}  // namespace

std::vector<CountedRounds> find_counted_rounds(const ThreadFlow& flow, const LaneShapes& shapes) {
  std::vector<CountedRounds> found;
  for (const auto* loop : flow.loops.getLoopsInPreorder())
    if (auto rounds = counted_rounds(*loop, shapes)) found.push_back(std::move(*rounds));
  return found;
}

CountedRounds in_copy(const CountedRounds& rounds, const llvm::ValueToValueMapTy& copies) {
  auto copy = [&]<class T>(T* value) {
    auto* found = value ? static_cast<llvm::Value*>(copies.lookup(value)) : nullptr;
    return found ? llvm::cast<T>(found) : value;
  };
  auto result = rounds;
  for (auto*& block : result.blocks) block = copy(block);
  result.preheader = copy(rounds.preheader);
  result.latch = copy(rounds.latch);
  result.exit = copy(rounds.exit);
  result.guard = copy(rounds.guard);
  result.counter = copy(rounds.counter);
  result.end = copy(rounds.end);
  return result;
}

void take_whole_rounds_first(const ThreadFunction& thread, const std::vector<CountedRounds>& loops, unsigned width) {
  for (const auto& rounds : loops) WholeRounds(*thread.function, rounds, width).add();
}

}  // namespace anymetal::device::cpu
