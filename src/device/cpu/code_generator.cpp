#include "device/cpu/code_generator.hpp"

#include <llvm/ADT/SmallString.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/CodeGen/MachineModuleInfo.h>
#include <llvm/CodeGen/Passes.h>
#include <llvm/CodeGen/TargetPassConfig.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/IPO/GlobalDCE.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/ADCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/JumpThreading.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>
#include <llvm/Transforms/Utils/LCSSA.h>
#include <llvm/Transforms/Utils/LoopSimplify.h>
#include <llvm/Transforms/Utils/LowerSwitch.h>

#include "device/cpu/bfloat_conversions.hpp"
#include "device/cpu/codegen_passes.hpp"
#include "device/cpu/few_lanes.hpp"
#include "device/cpu/gather_addresses.hpp"
#include "device/cpu/integer_conversions.hpp"
#include "device/cpu/long_blocks.hpp"
#include "device/cpu/loop_pipeline.hpp"
#include "device/cpu/mask_bits.hpp"
#include "device/cpu/odd_integers.hpp"
#include "device/cpu/shift_amounts.hpp"
#include "device/cpu/simplify_pipeline.hpp"
#include "device/cpu/whole_stores.hpp"
#include "msl/pass_checkpoints.hpp"

namespace anymetal::device::cpu {
namespace {

/// A pass builder with its analyses, made for one run.
struct Passes {
  explicit Passes(llvm::TargetMachine* machine) : builder(machine, tuning(), std::nullopt, &checkpoints.callbacks) {
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(components);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, components, modules);
  }
  static llvm::PipelineTuningOptions tuning() {
    llvm::PipelineTuningOptions options;
    options.SLPVectorization = true;
    return options;
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  msl::PassCheckpoints checkpoints;
  llvm::PassBuilder builder;
};

}  // namespace

Result<CodeGenerator> CodeGenerator::create(const HostTarget& host) {
  auto machine = lend_machine(host);
  if (!machine) return std::unexpected(machine.error());
  return CodeGenerator(std::move(*machine));
}

void CodeGenerator::retarget(llvm::Module& module) const {
  module.setTargetTriple(machine_->getTargetTriple().str());
  module.setDataLayout(machine_->createDataLayout());
  for (auto& function : module) {
    if (function.isDeclaration()) continue;
    function.addFnAttr("target-cpu", machine_->getTargetCPU());
    function.addFnAttr("target-features", machine_->getTargetFeatureString());
    // 1 / sqrt(x) by the processor's estimate and a Newton step is NaN at zero and infinity.
    function.addFnAttr("reciprocal-estimates", "none");
    function.addFnAttr(llvm::Attribute::NoUnwind);
    function.removeFnAttr(llvm::Attribute::UWTable);
    function.removeFnAttr(llvm::Attribute::OptimizeNone);
  }
}

void CodeGenerator::fold(llvm::Function& function) const {
  Passes passes(machine_.get());
  llvm::AlwaysInlinerPass(/*InsertLifetime=*/false).run(*function.getParent(), passes.modules);
  llvm::FunctionPassManager pipeline;
  pipeline.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  pipeline.addPass(llvm::EarlyCSEPass());
  pipeline.addPass(llvm::SimplifyCFGPass());
  pipeline.addPass(llvm::LoopSimplifyPass());
  pipeline.run(function, passes.functions);
}

void CodeGenerator::simplify(llvm::Function& function) const {
  Passes passes(machine_.get());
  llvm::AlwaysInlinerPass(/*InsertLifetime=*/false).run(*function.getParent(), passes.modules);
  simplification().run(function, passes.functions);
}

void CodeGenerator::remove_unused(llvm::Module& module) const {
  Passes passes(machine_.get());
  llvm::GlobalDCEPass().run(module, passes.modules);
}

void CodeGenerator::regularise(llvm::Function& function) const {
  split_odd_integers(function);
  Passes passes(machine_.get());
  llvm::FunctionPassManager branches;
  branches.addPass(llvm::LowerSwitchPass());
  branches.run(function, passes.functions);
  llvm::EliminateUnreachableBlocks(function);  // they would be ways that no lane comes on
  passes.functions.clear(function, function.getName());
  llvm::FunctionPassManager loops;
  loops.addPass(llvm::LoopSimplifyPass());
  loops.addPass(llvm::LCSSAPass());
  loops.run(function, passes.functions);
}

llvm::TargetTransformInfo CodeGenerator::costs(const llvm::Function& function) const {
  return machine_->getTargetTransformInfo(function);
}

void CodeGenerator::tidy(llvm::Function& function) const {
  Passes passes(machine_.get());
  llvm::FunctionPassManager pipeline;
  pipeline.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  pipeline.addPass(llvm::EarlyCSEPass());
  pipeline.addPass(llvm::SimplifyCFGPass());
  pipeline.addPass(llvm::InstCombinePass());
  pipeline.addPass(llvm::JumpThreadingPass());
  pipeline.addPass(llvm::SimplifyCFGPass());
  pipeline.addPass(llvm::EarlyCSEPass());
  pipeline.addPass(llvm::ADCEPass());
  pipeline.run(function, passes.functions);
}

void CodeGenerator::optimise(llvm::Module& module, Code code) const {
  Passes passes(machine_.get());
  if (code == Code::Loops) {
    loop_pipeline().run(module, passes.modules);
    return;
  }
  if (code == Code::Coroutines) {
    passes.builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, passes.modules);
    return;
  }
  access_few_lanes_alone(module);
  llvm::FunctionPassManager functions;
  functions.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  functions.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  functions.addPass(llvm::InstCombinePass());
  functions.addPass(llvm::SimplifyCFGPass());
  functions.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), /*UseMemorySSA=*/true));
  functions.addPass(llvm::ADCEPass());
  llvm::ModulePassManager pipeline;
  pipeline.addPass(llvm::AlwaysInlinerPass(/*InsertLifetime=*/false));
  pipeline.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(functions)));
  pipeline.addPass(llvm::GlobalDCEPass());
  pipeline.run(module, passes.modules);
}

Result<std::string> CodeGenerator::emit_object(llvm::Module& module) const {
  split_conversions(module);
  if (!rounds_to_bfloat(*machine_->getMCSubtargetInfo())) expand_bfloat_rounding(module);
  bound_shifts(module);
  make_addresses_where_used(module);
  if (masks_stores_slowly(*machine_->getMCSubtargetInfo())) store_whole_vectors(module);
  if (!has_mask_registers(*machine_->getMCSubtargetInfo())) spread_mask_bits(module);
  auto& machine = static_cast<llvm::LLVMTargetMachine&>(*machine_);
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  CodegenPasses passes({.reduces_strength = !machine.getTargetTriple().isX86(),
                        .cuts_long_blocks = loads_in_pieces(*machine_->getMCSubtargetInfo())});
  auto* information = new llvm::MachineModuleInfoWrapperPass(&machine);  // the pass manager owns its passes
  auto* config = machine.createPassConfig(passes);
  // Reordering after register allocation gains nothing on processors that reorder themselves, and takes up to half of
  // the time on large blocks of vector code.
  config->disablePass(&llvm::PostRASchedulerID);
  config->setDisableVerify(true);  // the module was verified before it was optimised
  passes.add(config);
  passes.add(information);
  const auto refused = [] { return fail(ErrorCode::InternalError, "LLVM cannot write objects for this host"); };
  if (config->addISelPasses()) return refused();
  config->addMachinePasses();
  config->setInitialized();
  if (machine.addAsmPrinter(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile,
                            information->getMMI().getContext()))
    return refused();
  passes.add(llvm::createFreeMachineFunctionPass());
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace anymetal::device::cpu
