#include "device/cpu/loop_pipeline.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/IPO/ConstantMerge.h>
#include <llvm/Transforms/IPO/GlobalDCE.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/ADCE.h>
#include <llvm/Transforms/Scalar/DivRemPairs.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/IndVarSimplify.h>
#include <llvm/Transforms/Scalar/InferAlignment.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopIdiomRecognize.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/LoopRotation.h>
#include <llvm/Transforms/Scalar/LoopSimplifyCFG.h>
#include <llvm/Transforms/Scalar/LoopSink.h>
#include <llvm/Transforms/Scalar/LoopUnrollPass.h>
#include <llvm/Transforms/Scalar/Reassociate.h>
#include <llvm/Transforms/Scalar/SimpleLoopUnswitch.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Utils/LoopUtils.h>
#include <llvm/Transforms/Vectorize/LoopVectorize.h>
#include <llvm/Transforms/Vectorize/VectorCombine.h>

namespace anymetal::device::cpu {
namespace {

/// Hoists what is the same in all rounds, and takes branches on it out of the loop.
llvm::LoopPassManager hoisting() {
  llvm::LoopPassManager loops;
  loops.addPass(llvm::LoopSimplifyCFGPass());
  loops.addPass(llvm::LICMPass(llvm::LICMOptions()));
  loops.addPass(llvm::LoopRotatePass());
  loops.addPass(llvm::LICMPass(llvm::LICMOptions()));
  loops.addPass(llvm::SimpleLoopUnswitchPass(/*NonTrivial=*/true));
  return loops;
}

/// Whether nothing in it speaks against vectors: it holds no loop and works on none already.
bool may_become_vectors(const llvm::Loop& loop) {
  return loop.isInnermost() && llvm::none_of(loop.blocks(), [](const llvm::BasicBlock* block) {
           return llvm::any_of(*block, [](const llvm::Instruction& i) { return i.getType()->isVectorTy(); });
         });
}

/// Widens and simplifies counters where the vectoriser needs it. In loops that stay what they are it takes a twentieth
/// of the time of a compile and gains nothing.
struct SimplifyCounters : llvm::PassInfoMixin<SimplifyCounters> {
  llvm::PreservedAnalyses run(llvm::Loop& loop, llvm::LoopAnalysisManager& analyses,
                              llvm::LoopStandardAnalysisResults& results, llvm::LPMUpdater& updater) {
    if (!may_become_vectors(loop)) return llvm::PreservedAnalyses::all();
    return llvm::IndVarSimplifyPass().run(loop, analyses, results, updater);
  }
};

/// Brings counters into the form that is vectorised; loops that only copy or fill become memcpy and memset.
llvm::LoopPassManager counting() {
  llvm::LoopPassManager loops;
  loops.addPass(llvm::LoopIdiomRecognizePass());
  loops.addPass(SimplifyCounters());
  return loops;
}

/// InstCombine where a loop has become vectors: where none has, it runs after unrolling soon enough.
struct FoldVectors : llvm::PassInfoMixin<FoldVectors> {
  static llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
    const bool has_vectors = llvm::any_of(
        analyses.getResult<llvm::LoopAnalysis>(function).getLoopsInPreorder(),
        [](const llvm::Loop* loop) { return llvm::getBooleanLoopAttribute(loop, "llvm.loop.isvectorized"); });
    return has_vectors ? llvm::InstCombinePass().run(function, analyses) : llvm::PreservedAnalyses::all();
  }
};

/// Rounds of loops that hold others are not put one behind another where their number is not known: that would multiply
/// the code of the inner ones and make nothing of it shorter. The source may ask for it.
struct KeepOuterLoops : llvm::PassInfoMixin<KeepOuterLoops> {
  static llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
    for (auto* loop : analyses.getResult<llvm::LoopAnalysis>(function).getLoopsInPreorder())
      if (!loop->isInnermost() && (llvm::hasUnrollTransformation(loop) & llvm::TM_Force) == 0)
        llvm::addStringMetadataToLoop(loop, "llvm.loop.unroll.runtime.disable");
    return llvm::PreservedAnalyses::all();
  }
};

/// Loops into vectors, and what that leaves folded.
void add_vectorisation(llvm::FunctionPassManager& functions) {
  llvm::LoopPassManager loops;
  loops.addPass(llvm::LoopRotatePass());
  functions.addPass(llvm::createFunctionToLoopPassAdaptor(std::move(loops)));
  functions.addPass(llvm::LoopVectorizePass());
  functions.addPass(llvm::InferAlignmentPass());
  functions.addPass(FoldVectors());
  functions.addPass(llvm::SimplifyCFGPass(llvm::SimplifyCFGOptions()
                                              .forwardSwitchCondToPhi(true)
                                              .convertSwitchRangeToICmp(true)
                                              .convertSwitchToLookupTable(true)
                                              .needCanonicalLoops(false)
                                              .hoistCommonInsts(true)
                                              .sinkCommonInsts(true)));
  functions.addPass(llvm::VectorCombinePass());
  constexpr int kLevel = 3;
  functions.addPass(KeepOuterLoops());
  functions.addPass(llvm::LoopUnrollPass(llvm::LoopUnrollOptions(kLevel)));
  functions.addPass(llvm::InstCombinePass());
  functions.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), /*UseMemorySSA=*/true));
  functions.addPass(llvm::LoopSinkPass());
  functions.addPass(llvm::DivRemPairsPass());
  functions.addPass(
      llvm::SimplifyCFGPass(llvm::SimplifyCFGOptions().convertSwitchRangeToICmp(true).speculateUnpredictables(true)));
}

}  // namespace

llvm::ModulePassManager loop_pipeline() {
  llvm::FunctionPassManager functions;
  functions.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  functions.addPass(llvm::InstCombinePass());
  functions.addPass(llvm::SimplifyCFGPass());
  functions.addPass(llvm::ReassociatePass());  // the first time it ran, sums in loops were not unrolled yet
  functions.addPass(llvm::createFunctionToLoopPassAdaptor(hoisting(), /*UseMemorySSA=*/true));
  functions.addPass(llvm::SimplifyCFGPass());
  functions.addPass(llvm::InstCombinePass());
  functions.addPass(llvm::createFunctionToLoopPassAdaptor(counting()));
  functions.addPass(llvm::EarlyCSEPass());
  functions.addPass(llvm::ADCEPass());
  add_vectorisation(functions);
  llvm::ModulePassManager pipeline;
  pipeline.addPass(llvm::AlwaysInlinerPass(/*InsertLifetime=*/false));
  pipeline.addPass(llvm::GlobalDCEPass());
  pipeline.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(functions)));
  pipeline.addPass(llvm::GlobalDCEPass());
  pipeline.addPass(llvm::ConstantMergePass());
  return pipeline;
}

}  // namespace anymetal::device::cpu
