#include "device/cpu/one_thread.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/AssumptionCache.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/Analysis/ScalarEvolution.h>
#include <llvm/Analysis/ScalarEvolutionExpressions.h>
#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Module.h>
#include <llvm/TargetParser/Triple.h>

#include "device/cpu/sync_operation.hpp"
#include "device/cpu/unordered_accesses.hpp"

namespace anymetal::device::cpu {
namespace {

/// Finds loops from the thread's index in steps of the threadgroup's size.
class StridedLoops {
 public:
  explicit StridedLoops(const ThreadFunction& thread)
      : thread_(thread),
        function_(*thread.function),
        library_(llvm::Triple(function_.getParent()->getTargetTriple())),
        functions_(library_),
        assumptions_(function_),
        dominators_(function_),
        loops_(dominators_),
        evolution_(function_, functions_, assumptions_, dominators_, loops_) {}

  void mark() {
    for (auto* loop : loops_.getLoopsInPreorder()) {
      if (!loop->getLoopLatch() || !is_strided(*loop) || meets(*loop)) continue;
      llvm::SmallVector<llvm::Instruction*, 32> accesses;
      for (auto* block : loop->blocks())
        for (auto& instruction : *block) accesses.push_back(&instruction);
      mark_unordered_loop(loop->getLoopLatch()->getTerminator(), mark_unordered_accesses(accesses));
    }
  }

 private:
  bool is(const llvm::SCEV* value, unsigned geometry) const {
    while (const auto* cast = llvm::dyn_cast<llvm::SCEVCastExpr>(value)) value = cast->getOperand();
    const auto* unknown = llvm::dyn_cast<llvm::SCEVUnknown>(value);
    return unknown && unknown->getValue() == thread_.geometry(geometry);
  }

  bool is_strided(const llvm::Loop& loop) {
    return llvm::any_of(loop.getHeader()->phis(), [&](llvm::PHINode& phi) {
      if (!evolution_.isSCEVable(phi.getType())) return false;
      const auto* value = evolution_.getSCEV(&phi);
      while (const auto* cast = llvm::dyn_cast<llvm::SCEVCastExpr>(value)) value = cast->getOperand();
      const auto* recurrence = llvm::dyn_cast<llvm::SCEVAddRecExpr>(value);
      if (!recurrence || !recurrence->isAffine() || recurrence->getLoop() != &loop) return false;
      const bool starts = is(recurrence->getStart(), kThreadIndex) || is(recurrence->getStart(), kThread);
      return starts && is(recurrence->getStepRecurrence(evolution_), kThreadsPerGroup);
    });
  }

  static bool meets(const llvm::Loop& loop) {
    return llvm::any_of(loop.blocks(), [](const llvm::BasicBlock* block) {
      return llvm::any_of(*block, [](const llvm::Instruction& instruction) {
        const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
        return call && sync_operation(*call);
      });
    });
  }

  const ThreadFunction& thread_;
  llvm::Function& function_;
  llvm::TargetLibraryInfoImpl library_;
  llvm::TargetLibraryInfo functions_;
  llvm::AssumptionCache assumptions_;
  llvm::DominatorTree dominators_;
  llvm::LoopInfo loops_;
  llvm::ScalarEvolution evolution_;
};

/// What one thread gets where it meets nobody.
llvm::Value* alone(llvm::CallInst& call, const SyncOperation& operation) {
  using Kind = SyncOperation::Kind;
  if (operation.kind == Kind::Ballot) return llvm::IRBuilder<>(&call).CreateZExt(call.getArgOperand(0), call.getType());
  if (operation.kind != Kind::ExclusiveScan) return call.getArgOperand(0);
  const bool sum = operation.combine == SyncOperation::Combine::Sum;
  auto* type = call.getType();
  if (type->isFloatingPointTy()) return llvm::ConstantFP::get(type, sum ? 0.0 : 1.0);
  return llvm::ConstantInt::get(type, sum ? 0 : 1);
}

}  // namespace

std::string one_thread_obstacle(const llvm::Function& entry) {
  for (const auto& instruction : llvm::instructions(entry)) {
    const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    const auto* callee = call && !call->use_empty() ? call->getCalledFunction() : nullptr;
    if (!callee) continue;
    if (callee->getName() == "__msl_dispatch_threads_per_threadgroup" || callee->getName() == "__msl_threads_per_grid")
      return "it reads positions or sizes of threads in the grid";
    const auto operation = sync_operation(*call);
    if (operation && operation->kind == SyncOperation::Kind::MultiplyAccumulate)
      return "it multiplies matrices of a simdgroup";
  }
  return {};
}

void run_as_one_thread(const ThreadFunction& thread) {
  StridedLoops(thread).mark();
  for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(*thread.function))) {
    auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    const auto operation = call ? sync_operation(*call) : std::nullopt;
    if (!operation) continue;
    if (!operation->is_barrier()) call->replaceAllUsesWith(alone(*call, *operation));
    call->eraseFromParent();
  }
  auto set = [&](unsigned which, unsigned value) {
    auto* argument = thread.geometry(which);
    argument->replaceAllUsesWith(llvm::ConstantInt::get(argument->getType(), value));
  };
  set(kThreadIndex, 0);
  for (unsigned d = 0; d < 3; ++d) {
    set(kThread + d, 0);
    set(kThreadsPerGroup + d, 1);
  }
}

}  // namespace anymetal::device::cpu
