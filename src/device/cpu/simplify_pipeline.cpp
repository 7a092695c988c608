#include "device/cpu/simplify_pipeline.hpp"

#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/ADCE.h>
#include <llvm/Transforms/Scalar/CorrelatedValuePropagation.h>
#include <llvm/Transforms/Scalar/DeadStoreElimination.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/GVN.h>
#include <llvm/Transforms/Scalar/JumpThreading.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopDeletion.h>
#include <llvm/Transforms/Scalar/LoopIdiomRecognize.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/LoopRotation.h>
#include <llvm/Transforms/Scalar/LoopUnrollPass.h>
#include <llvm/Transforms/Scalar/MemCpyOptimizer.h>
#include <llvm/Transforms/Scalar/Reassociate.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimpleLoopUnswitch.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>

#include "device/cpu/short_circuits.hpp"
#include "device/cpu/stored_elements.hpp"

namespace anymetal::device::cpu {
namespace {

llvm::LICMPass hoist(bool speculates) {
  llvm::LICMOptions options;
  options.AllowSpeculation = speculates;
  return llvm::LICMPass(options);
}

llvm::SimplifyCFGPass simplify_branches() {
  return llvm::SimplifyCFGPass(llvm::SimplifyCFGOptions().convertSwitchRangeToICmp(true));
}

}  // namespace

llvm::FunctionPassManager simplification() {
  constexpr int kLevel = 3;
  llvm::LoopPassManager hoisting;
  hoisting.addPass(hoist(/*speculates=*/false));
  hoisting.addPass(llvm::LoopRotatePass());
  hoisting.addPass(hoist(/*speculates=*/true));
  hoisting.addPass(llvm::SimpleLoopUnswitchPass(/*NonTrivial=*/true));
  llvm::LoopPassManager counting;
  counting.addPass(llvm::LoopIdiomRecognizePass());
  counting.addPass(llvm::LoopDeletionPass());
  counting.addPass(llvm::LoopFullUnrollPass(kLevel));

  llvm::FunctionPassManager passes;
  passes.addPass(LoadStoredElements());
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(simplify_branches());
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(simplify_branches());
  passes.addPass(llvm::ReassociatePass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(std::move(hoisting), /*UseMemorySSA=*/true,
                                                       /*UseBlockFrequencyInfo=*/true));
  passes.addPass(simplify_branches());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(std::move(counting)));
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::GVNPass());
  passes.addPass(llvm::JumpThreadingPass());
  passes.addPass(llvm::CorrelatedValuePropagationPass());
  passes.addPass(llvm::ADCEPass());
  passes.addPass(llvm::MemCpyOptPass());
  passes.addPass(llvm::DSEPass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(hoist(/*speculates=*/true), /*UseMemorySSA=*/true,
                                                       /*UseBlockFrequencyInfo=*/true));
  passes.addPass(JoinShortCircuits());
  passes.addPass(llvm::SimplifyCFGPass(
      llvm::SimplifyCFGOptions().convertSwitchRangeToICmp(true).hoistCommonInsts(true).sinkCommonInsts(true)));
  passes.addPass(llvm::InstCombinePass());
  return passes;
}

}  // namespace anymetal::device::cpu
