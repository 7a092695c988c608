#include "device/cpu/loop_meetings.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include "device/cpu/sync_operation.hpp"

namespace anymetal::device::cpu {
namespace {

/// Threadgroup barriers are reached by all threads or none.
bool is_simdgroup_operation(const llvm::Instruction& instruction) {
  const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
  const auto operation = call ? sync_operation(*call) : std::nullopt;
  return operation && operation->kind != SyncOperation::Kind::ThreadgroupBarrier;
}

}  // namespace

void add_loop_meetings(llvm::Function& function) {
  const llvm::DominatorTree dominators(function);
  const llvm::LoopInfo loops(dominators);
  llvm::SmallVector<llvm::BasicBlock*, 4> latches;
  for (const auto* loop : loops.getLoopsInPreorder()) {
    auto* latch = loop->getLoopLatch();
    if (!latch) continue;  // only where flow is irreducible
    const bool may_pass = llvm::any_of(loop->blocks(), [&](const llvm::BasicBlock* block) {
      const bool once = loops.getLoopFor(block) == loop && dominators.dominates(block, latch);
      return !once && llvm::any_of(*block, is_simdgroup_operation);
    });
    if (may_pass) latches.push_back(latch);
  }
  if (latches.empty()) return;
  llvm::IRBuilder<> builder(function.getContext());
  auto* type = llvm::FunctionType::get(builder.getVoidTy(), {builder.getInt32Ty()}, false);
  const auto barrier = function.getParent()->getOrInsertFunction("__msl_simdgroup_barrier", type);
  for (auto* latch : latches) {
    builder.SetInsertPoint(latch->getTerminator());
    builder.CreateCall(barrier, {builder.getInt32(0)})->setConvergent();
  }
}

}  // namespace anymetal::device::cpu
