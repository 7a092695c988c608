#include "device/cpu/code_generator.hpp"

#include "device/cpu/host.hpp"

#include <fmt/format.h>
#include <llvm/ADT/SmallString.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/ADCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/JumpThreading.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Utils/LCSSA.h>
#include <llvm/Transforms/Utils/LoopSimplify.h>
#include <llvm/Transforms/Utils/LowerSwitch.h>

namespace anymetal::device::cpu {
namespace {

/// A pass builder with its analyses, made for one run.
struct Passes {
  explicit Passes(llvm::TargetMachine* machine, bool vectorise = true) : builder(machine, tuning(vectorise)) {
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(components);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, components, modules);
  }
  static llvm::PipelineTuningOptions tuning(bool vectorise) {
    llvm::PipelineTuningOptions options;
    options.LoopVectorization = vectorise;
    options.SLPVectorization = vectorise;
    options.LoopInterleaving = vectorise;
    options.LoopUnrolling = vectorise;
    return options;
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder;
};

}  // namespace

CodeGenerator::CodeGenerator(std::unique_ptr<llvm::TargetMachine> machine) : machine_(std::move(machine)) {}
CodeGenerator::CodeGenerator(CodeGenerator&&) noexcept = default;
CodeGenerator& CodeGenerator::operator=(CodeGenerator&&) noexcept = default;
CodeGenerator::~CodeGenerator() = default;

Result<CodeGenerator> CodeGenerator::create() {
  static const bool ready = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    return true;
  }();
  (void)ready;
  const auto& host = host_target();
  std::string message;
  const auto* target = llvm::TargetRegistry::lookupTarget(host.triple, message);
  if (!target) return fail(ErrorCode::InternalError, fmt::format("LLVM cannot generate code for this host: {}", message));
  llvm::TargetOptions options;
  options.EmitStackSizeSection = true;  // the loader skips it; `anymetal compile` shows it
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;  // only where the instruction's flags allow it
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(host.triple, host.cpu, host.features, options, llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Aggressive, /*JIT=*/true));
  if (!machine) return fail(ErrorCode::InternalError, "LLVM cannot generate code for this processor");
  return CodeGenerator(std::move(machine));
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

void CodeGenerator::simplify(llvm::Function& function) const {
  Passes passes(machine_.get());
  llvm::AlwaysInlinerPass(/*InsertLifetime=*/false).run(*function.getParent(), passes.modules);
  passes.builder
      .buildFunctionSimplificationPipeline(llvm::OptimizationLevel::O3, llvm::ThinOrFullLTOPhase::None)
      .run(function, passes.functions);
}

void CodeGenerator::regularise(llvm::Function& function) const {
  Passes passes(machine_.get());
  llvm::FunctionPassManager pipeline;
  pipeline.addPass(llvm::LowerSwitchPass());
  pipeline.addPass(llvm::LoopSimplifyPass());
  pipeline.addPass(llvm::LCSSAPass());
  pipeline.run(function, passes.functions);
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
  Passes passes(machine_.get(), code == Code::Scalar);
  passes.builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, passes.modules);
}

Result<std::string> CodeGenerator::emit_object(llvm::Module& module) const {
  llvm::SmallString<0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine_->addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return fail(ErrorCode::InternalError, "LLVM cannot write objects for this host");
  passes.run(module);
  return std::string(bytes.begin(), bytes.end());
}

}  // namespace anymetal::device::cpu
