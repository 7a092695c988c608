#include "device/cuda/array_loops.hpp"

#include <llvm/Analysis/LoopInfo.h>
#include <llvm/Analysis/ScalarEvolution.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Transforms/Utils/LoopUtils.h>

namespace anymetal::device::cuda {

namespace {

constexpr unsigned kMostTrips = 128;

bool indexes_an_array(const llvm::Instruction& instruction, const llvm::Loop& loop) {
  const auto* address = llvm::dyn_cast<llvm::GetElementPtrInst>(&instruction);
  if (address == nullptr || address->hasAllConstantIndices()) return false;
  if (!llvm::isa<llvm::AllocaInst>(llvm::getUnderlyingObject(address, 0))) return false;
  return std::any_of(address->idx_begin(), address->idx_end(), [&](const llvm::Value* index) { return !loop.isLoopInvariant(index); });
}

}  // namespace

void unroll_array_loops(llvm::Function& kernel, llvm::FunctionAnalysisManager& analyses) {
  auto& loops = analyses.getResult<llvm::LoopAnalysis>(kernel);
  auto& evolution = analyses.getResult<llvm::ScalarEvolutionAnalysis>(kernel);
  for (auto* loop : loops.getLoopsInPreorder()) {
    const unsigned trips = evolution.getSmallConstantMaxTripCount(loop);
    if (trips == 0 || trips > kMostTrips || llvm::hasUnrollTransformation(loop) != llvm::TM_Unspecified) continue;
    const bool indexes = std::any_of(loop->block_begin(), loop->block_end(), [&](const llvm::BasicBlock* block) {
      return std::any_of(block->begin(), block->end(), [&](const llvm::Instruction& i) { return indexes_an_array(i, *loop); });
    });
    if (indexes) llvm::addStringMetadataToLoop(loop, "llvm.loop.unroll.full");
  }
}

}  // namespace anymetal::device::cuda
