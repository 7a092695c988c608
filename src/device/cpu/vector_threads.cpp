#include "device/cpu/vector_threads.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/CFG.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include "device/cpu/code_generator.hpp"
#include "device/cpu/lane_emitter.hpp"
#include "device/cpu/lane_shapes.hpp"
#include "device/cpu/thread_flow.hpp"

namespace anymetal::device::cpu {
namespace {

bool has_vectors(const llvm::Function& function) {
  return llvm::any_of(llvm::instructions(function), [](const llvm::Instruction& instruction) {
    return instruction.getType()->isVectorTy() ||
           llvm::any_of(instruction.operands(), [](const auto& operand) { return operand->getType()->isVectorTy(); });
  });
}

bool has_more_than_scalars(const llvm::Function& function) {
  llvm::SmallVector<std::pair<const llvm::BasicBlock*, const llvm::BasicBlock*>, 8> back;
  llvm::FindFunctionBackedges(function, back);
  return !back.empty() || has_vectors(function);
}

/// Weighs what lanes gain against what they lose.
class Gains {
 public:
  Gains(const ThreadFlow& flow, const LaneShapes& shapes, const llvm::TargetTransformInfo& costs,
        const llvm::DataLayout& layout)
      : flow_(flow), shapes_(shapes), layout_(layout) {
    auto& context = flow.order.front()->getContext();
    auto* words = llvm::FixedVectorType::get(llvm::Type::getInt32Ty(context), shapes.width());
    gathers_ = gathers_words(costs, context, shapes.width());
    scatters_ = costs.isLegalMaskedScatter(words, llvm::Align(4));
  }

  /// Why nothing is gained, or empty.
  [[nodiscard]] std::string obstacle() const {
    for (const auto* block : flow_.order)
      for (const auto& instruction : *block)
        if (auto slow = obstacle_of(instruction); !slow.empty()) return slow;
    return {};
  }

 private:
  [[nodiscard]] std::string obstacle_of(const llvm::Instruction& instruction) const {
    if (instruction.isAtomic()) return "what is atomic is done thread by thread";
    if (llvm::isa<llvm::MemIntrinsic>(instruction)) return "blocks of memory are copied thread by thread";
    if (instruction.isIntDivRem()) {
      const bool fast = shapes_.of(&instruction).is_uniform() || llvm::isa<llvm::Constant>(instruction.getOperand(1));
      return fast ? "" : "threads divide by whole numbers of their own";
    }
    const auto* pointer = llvm::getLoadStorePointerOperand(&instruction);
    if (!pointer || shapes_.of(pointer).is_uniform() || is_run(instruction, *pointer)) return {};
    const auto* loop = flow_.loops.getLoopFor(instruction.getParent());
    if (!llvm::isa<llvm::LoadInst>(instruction))
      return scatters_ && !loop ? "" : "neighbouring threads store to places apart";
    if (!gathers_) return "neighbouring threads load from places apart, and the processor gathers no faster";
    // In a search one round of all costs less than the mispredicted branch of one. But where each thread goes through a
    // run of memory of its own, one thread after the other is faster.
    if (!loop || (is_left_one_by_one(*loop) && !counts_up(*pointer, *loop))) return {};
    return "in a loop, neighbouring threads load from places apart";
  }
  /// Whether lanes access elements beside each other.
  [[nodiscard]] bool is_run(const llvm::Instruction& access, const llvm::Value& pointer) const {
    auto* type = llvm::getLoadStoreType(const_cast<llvm::Instruction*>(&access));
    const auto bytes = layout_.getTypeStoreSize(type->getScalarType()).getFixedValue() * component_count(type);
    const auto shape = shapes_.of(&pointer);
    return shape.is_linear() && shape.stride == static_cast<std::int64_t>(bytes);
  }
  /// Whether a value moves on by the same step in every round.
  [[nodiscard]] static bool counts_up(const llvm::Value& value, const llvm::Loop& loop) {
    const auto* instruction = llvm::dyn_cast<llvm::Instruction>(&value);
    if (!instruction || !loop.contains(instruction)) return false;
    if (const auto* phi = llvm::dyn_cast<llvm::PHINode>(instruction)) {
      const auto* next = phi->getParent() == loop.getHeader()
                             ? llvm::dyn_cast<llvm::Instruction>(phi->getIncomingValueForBlock(loop.getLoopLatch()))
                             : nullptr;
      return next && llvm::isa<llvm::BinaryOperator, llvm::GetElementPtrInst>(next) && next->getOperand(0) == phi &&
             loop.isLoopInvariant(next->getOperand(1));
    }
    switch (instruction->getOpcode()) {
      case llvm::Instruction::Add:
      case llvm::Instruction::Sub:
      case llvm::Instruction::Or:
      case llvm::Instruction::Mul:
      case llvm::Instruction::Shl:
      case llvm::Instruction::ZExt:
      case llvm::Instruction::SExt:
      case llvm::Instruction::GetElementPtr:
        return llvm::any_of(instruction->operands(),
                            [&](const auto& operand) { return counts_up(*operand.get(), loop); });
      default:
        return false;
    }
  }
  [[nodiscard]] bool is_left_one_by_one(const llvm::Loop& loop) const {
    llvm::SmallVector<llvm::BasicBlock*, 4> exits;
    loop.getExitingBlocks(exits);
    return llvm::any_of(exits, [&](const llvm::BasicBlock* block) {
      const auto* branch = llvm::dyn_cast<llvm::BranchInst>(block->getTerminator());
      return branch && branch->isConditional() && !shapes_.of(branch->getCondition()).is_uniform();
    });
  }

  const ThreadFlow& flow_;
  const LaneShapes& shapes_;
  const llvm::DataLayout& layout_;
  bool gathers_ = false, scatters_ = false;
};

}  // namespace

bool may_run_as_vectors(const llvm::Function& entry) {
  const bool tells_threads_apart = llvm::any_of(llvm::instructions(entry), [](const llvm::Instruction& instruction) {
    const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    const auto* callee = call ? call->getCalledFunction() : nullptr;
    return callee && (callee->getName().starts_with("__msl_thread_position_in_") ||
                      callee->getName().starts_with("__msl_thread_index_in_"));
  });
  return tells_threads_apart && has_more_than_scalars(entry);
}

LanesBody emit_vector_threads(const ThreadFunction& thread, unsigned width, std::string_view label,
                              const CodeGenerator& generator, const LanesOptions& vectors) {
  if (!has_more_than_scalars(*thread.function)) return {};  // a loop over threads is for LLVM's own vectoriser
  llvm::ValueToValueMapTy copies;
  ThreadFunction own = thread;
  own.function = llvm::CloneFunction(thread.function, copies);
  generator.regularise(*own.function);
  auto options = vectors;
  options.rows = {.width = width, .whole = false, .aligned = false};
  const auto body =
      emit_lanes_body(own, label, generator, options, [&](const ThreadFlow& flow, const LaneShapes& shapes) {
        const auto costs = generator.costs(*own.function);
        return Gains(flow, shapes, costs, own.function->getParent()->getDataLayout()).obstacle();
      });
  own.function->eraseFromParent();
  return body;
}

}  // namespace anymetal::device::cpu
