#include "device/cuda/ptx_codegen.hpp"

#include "device/cuda/array_loops.hpp"
#include "device/cuda/indexed_elements.hpp"
#include "device/cuda/nvptx_lowering.hpp"
#include "device/cuda/packed_additions.hpp"
#include "device/cuda/padded_vectors.hpp"
#include "device/cuda/simdgroup_matrix.hpp"
#include "msl/pass_checkpoints.hpp"
#include "observe/trace.hpp"

#include <fmt/format.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/IPO/GlobalDCE.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/GVN.h>
#include <llvm/Transforms/Scalar/InferAddressSpaces.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>

#include <cctype>

namespace anymetal::device::cuda {

namespace {

/// PTX identifiers: letters, digits and underscore (PTX ISA, section "Identifiers").
std::string ptx_identifier(std::string_view label) {
  std::string name = "msl_";
  for (char c : label) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

/// Fast-math division becomes the hardware's 2-ulp one for all divisors; LLVM itself would take it only under a module-wide
/// switch and has no intrinsic for it.
void approximate_divisions(llvm::Function& kernel) {
  llvm::SmallVector<llvm::BinaryOperator*> divisions;
  for (auto& block : kernel) {
    for (auto& instruction : block) {
      auto* operation = llvm::dyn_cast<llvm::BinaryOperator>(&instruction);
      if (operation != nullptr && operation->getOpcode() == llvm::Instruction::FDiv && operation->getType()->isFloatTy() &&
          operation->hasAllowReciprocal() && operation->hasApproxFunc()) {
        divisions.push_back(operation);
      }
    }
  }
  for (auto* division : divisions) {
    llvm::IRBuilder<> b(division);
    auto* type = llvm::FunctionType::get(b.getFloatTy(), {b.getFloatTy(), b.getFloatTy()}, false);
    auto* code = llvm::InlineAsm::get(type, "div.full.f32 $0, $1, $2;", "=f,f,f", false);
    auto* quotient = b.CreateCall(type, code, {division->getOperand(0), division->getOperand(1)});
    quotient->setDoesNotAccessMemory();
    quotient->setDoesNotThrow();
    quotient->addFnAttr(llvm::Attribute::WillReturn);
    division->replaceAllUsesWith(quotient);
    division->eraseFromParent();
  }
}

/// Before all else a kernel waits until those it follows are complete, which it may have been started before
/// (kProgrammaticEdge). Costs nothing where they are.
void wait_for_kernels_before(llvm::Function& kernel) {
  llvm::IRBuilder<> b(&*kernel.getEntryBlock().getFirstNonPHIOrDbgOrAlloca());
  auto* type = llvm::FunctionType::get(b.getVoidTy(), false);
  b.CreateCall(type, llvm::InlineAsm::get(type, "griddepcontrol.wait;", "~{memory}", true))->setDoesNotThrow();
}

/// The analysis managers of one compile, wired to the NVPTX target.
struct Analyses {
  explicit Analyses(llvm::TargetMachine& machine, llvm::PipelineTuningOptions tuning)
      : builder(&machine, tuning, std::nullopt, &checkpoints.callbacks) {
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(components);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, components, modules);
  }
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  msl::PassCheckpoints checkpoints;
  llvm::PassBuilder builder;
};

llvm::PipelineTuningOptions tuning_options() {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;  // lanes are the vectors here
  tuning.SLPVectorization = true;    // merges neighbouring loads and stores
  return tuning;
}

void infer_address_spaces(llvm::Function& kernel, Analyses& analyses) {
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::InferAddressSpacesPass(0));
  analyses.functions.invalidate(kernel, passes.run(kernel, analyses.functions));
}

void expand_matrix_products(llvm::Module& module, const std::string& kernel_name, Analyses& analyses) {
  auto* kernel = module.getFunction(kernel_name);
  if (kernel == nullptr || !uses_matrix_products(module)) return;
  keep_accumulators_in_fragments(*kernel);
  define_matrix_functions(module);
  analyses.functions.clear();
  analyses.modules.clear();
  llvm::ModulePassManager passes;
  passes.addPass(llvm::AlwaysInlinerPass());
  llvm::FunctionPassManager cleanup;
  cleanup.addPass(llvm::EarlyCSEPass());
  cleanup.addPass(llvm::InstCombinePass());
  cleanup.addPass(llvm::GVNPass());
  cleanup.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(cleanup)));
  passes.addPass(llvm::GlobalDCEPass());
  passes.run(module, analyses.modules);
}

std::string print_ptx(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile)) return {};
  passes.run(module);
  return std::string(text);
}

Result<PtxKernel> generate(msl::SpecialisedKernel kernel, const Architecture& architecture, std::string_view label,
                           ConstantPassing passing) {
  auto machine = make_target_machine(architecture);
  if (!machine) return std::unexpected(machine.error());
  auto& module = *kernel.module;
  module.setTargetTriple("nvptx64-nvidia-cuda");
  module.setDataLayout((*machine)->createDataLayout());

  const std::string name = ptx_identifier(label);
  const LaunchedThreadgroups threadgroups = take_launched_threadgroups(module);
  auto lowered = lower_entry(kernel, ParameterLayout(kernel.reflection, passing), name, threadgroups);
  if (!lowered) return std::unexpected(lowered.error());
  if (architecture.has_early_starts()) wait_for_kernels_before(**lowered);

  Analyses analyses(**machine, tuning_options());
  infer_address_spaces(**lowered, analyses);
  if (auto done = lower_simdgroup_calls(**lowered, architecture.capability); !done) return std::unexpected(done.error());
  lower_thread_index(**lowered, static_cast<unsigned>(kernel.reflection.arguments.size()), threadgroups);
  approximate_divisions(**lowered);
  analyses.functions.clear();
  unroll_array_loops(**lowered, analyses.functions);
  analyses.functions.clear();
  for (auto& function : llvm::make_early_inc_range(module)) {
    if (function.isDeclaration() && function.use_empty()) function.eraseFromParent();
  }
  std::string problem;
  llvm::raw_string_ostream problem_stream(problem);
  if (llvm::verifyModule(module, &problem_stream)) {
    return fail(ErrorCode::InternalError, fmt::format("lowering for NVIDIA made invalid IR: {}", problem));
  }
  {
    const trace::Span span("optimise", label);
    analyses.builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, analyses.modules);
    expand_matrix_products(module, name, analyses);
    for (auto& function : module) choose_indexed_elements(function);
    write_out_padding_of_vectors(module);
  }
  const trace::Span span("generate", label);
  std::string ptx = split_packed_additions(print_ptx(module, **machine));
  if (ptx.empty()) return fail(ErrorCode::InternalError, "LLVM's NVPTX back end cannot print assembly");
  return PtxKernel{std::move(ptx), name, threadgroups};
}

}  // namespace

Result<PtxKernel> generate_ptx(msl::SpecialisedKernel kernel, const Architecture& architecture, std::string_view label,
                               ConstantPassing passing) {
  return msl::run_step_for<PtxKernel>(fmt::format("kernel '{}'", label),
                                      [&] { return generate(std::move(kernel), architecture, label, passing); });
}

}  // namespace anymetal::device::cuda
