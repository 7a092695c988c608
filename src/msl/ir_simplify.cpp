#include "msl/ir_simplify.hpp"

#include "msl/ir_threadgroup.hpp"
#include "msl/pass_checkpoints.hpp"
#include "msl/type_names.hpp"

#include <llvm/ADT/SCCIterator.h>
#include <llvm/ADT/SetVector.h>
#include <llvm/Analysis/CallGraph.h>
#include <llvm/Analysis/CGSCCPassManager.h>
#include <llvm/Analysis/LoopAnalysisManager.h>
#include <llvm/Demangle/Demangle.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/PassManager.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/IPO/GlobalDCE.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/ADCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Scalar/TailRecursionElimination.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <algorithm>

namespace anymetal::msl {
namespace {

/// Analyses and the managers that cache them, for one run of passes.
class PassRun {
 public:
  PassRun() {
    builder_.registerModuleAnalyses(modules_);
    builder_.registerCGSCCAnalyses(components_);
    builder_.registerFunctionAnalyses(functions_);
    builder_.registerLoopAnalyses(loops_);
    builder_.crossRegisterProxies(loops_, functions_, components_, modules_);
  }
  void run(llvm::FunctionPassManager& passes, llvm::Function& function) { passes.run(function, functions_); }
  void run(llvm::ModulePassManager passes, llvm::Module& module) { passes.run(module, modules_); }

 private:
  llvm::LoopAnalysisManager loops_;
  llvm::FunctionAnalysisManager functions_;
  llvm::CGSCCAnalysisManager components_;
  llvm::ModuleAnalysisManager modules_;
  PassCheckpoints checkpoints_;
  llvm::PassBuilder builder_{nullptr, llvm::PipelineTuningOptions(), std::nullopt, &checkpoints_.callbacks};
};

llvm::FunctionPassManager simplification() {
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(true));
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  return passes;
}

bool calls_itself(const llvm::Function& f) {
  for (const llvm::User* user : f.users()) {
    const auto* call = llvm::dyn_cast<llvm::CallInst>(user);
    if (call != nullptr && call->getCalledFunction() == &f && call->getFunction() == &f) return true;
  }
  return false;
}

/// Calls directly before a return are tail calls: no MSL object whose address a callee could keep outlives the frame
/// it is in, so marking them is safe when no alloca of the caller is passed along.
void mark_tail_calls(llvm::Function& f) {
  bool has_alloca = false;
  for (const llvm::BasicBlock& block : f) {
    for (const llvm::Instruction& i : block) has_alloca = has_alloca || llvm::isa<llvm::AllocaInst>(i);
  }
  if (has_alloca) return;
  for (llvm::BasicBlock& block : f) {
    for (llvm::Instruction& i : block) {
      auto* call = llvm::dyn_cast<llvm::CallInst>(&i);
      if (call != nullptr && call->getCalledFunction() == &f) call->setTailCall();
    }
  }
}

}  // namespace

void simplify_functions(llvm::Module& module) {
  std::vector<llvm::Function*> defined;
  for (llvm::Function& f : module) {
    if (!f.isDeclaration()) defined.push_back(&f);
  }
  simplify_functions(defined);
}

void simplify_functions(std::span<llvm::Function* const> functions) {
  PassRun run;
  llvm::FunctionPassManager passes = simplification();
  for (llvm::Function* f : functions) run.run(passes, *f);
  for (llvm::Function* f : functions) {
    if (!calls_itself(*f)) continue;
    mark_tail_calls(*f);
    llvm::FunctionPassManager tail_calls;
    tail_calls.addPass(llvm::TailCallElimPass());
    PassRun().run(tail_calls, *f);
  }
}

std::vector<llvm::Function*> users_of_open_variables(llvm::Module& module) {
  llvm::SmallSetVector<llvm::Value*, 16> open;
  for (llvm::GlobalVariable& global : module.globals()) {
    if (global.isDeclaration() || (!global.isConstant() && global.getSection() != kThreadgroupSection)) open.insert(&global);
  }
  llvm::SmallSetVector<llvm::Function*, 16> functions;
  for (std::size_t i = 0; i < open.size(); ++i) {  // grows by expressions of them
    for (llvm::User* user : open[i]->users()) {
      if (auto* instruction = llvm::dyn_cast<llvm::Instruction>(user)) functions.insert(instruction->getFunction());
      else open.insert(user);
    }
  }
  return {functions.begin(), functions.end()};
}

void simplify_function(llvm::Function& function) {
  llvm::FunctionPassManager passes = simplification();
  PassRun().run(passes, function);
}

void inline_calls_everywhere(llvm::Module& module) {
  for (llvm::Function& f : module) {
    if (!f.isDeclaration() && f.hasLocalLinkage()) f.addFnAttr(llvm::Attribute::AlwaysInline);
  }
  llvm::ModulePassManager passes;
  passes.addPass(llvm::AlwaysInlinerPass(false));
  llvm::FunctionPassManager functions = simplification();
  functions.addPass(llvm::ADCEPass());
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(functions)));
  PassRun().run(std::move(passes), module);
}

void inline_everything(llvm::Module& module) {
  if (llvm::any_of(module, [](const llvm::Function& f) { return !f.isDeclaration() && f.hasLocalLinkage(); })) {
    inline_calls_everywhere(module);
  }
  drop_unused(module);
}

bool calls_function(const llvm::Instruction& instruction) {
  const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
  return call != nullptr && call->getCalledFunction() != nullptr && !call->getCalledFunction()->isDeclaration();
}

bool calls_functions(const llvm::Function& function) {
  return std::ranges::any_of(llvm::instructions(function), [](const llvm::Instruction& i) { return calls_function(i); });
}

bool calls_functions(const llvm::Module& module) {
  return std::ranges::any_of(module, [](const llvm::Function& f) { return calls_functions(f); });
}

void inline_calls(llvm::Function& function) {
  constexpr int kDeepest = 64;
  for (int depth = 0; depth < kDeepest; ++depth) {
    std::vector<llvm::CallInst*> calls;
    for (llvm::Instruction& i : llvm::instructions(function)) {
      if (calls_function(i)) calls.push_back(llvm::cast<llvm::CallInst>(&i));
    }
    if (calls.empty()) return;
    for (llvm::CallInst* call : calls) {
      llvm::InlineFunctionInfo info;
      if (!llvm::InlineFunction(*call, info).isSuccess()) return;
    }
  }
}

void drop_unused(llvm::Module& module) {
  llvm::ModulePassManager passes;
  passes.addPass(llvm::GlobalDCEPass());
  PassRun().run(std::move(passes), module);
}

std::vector<std::string> find_recursion(const llvm::Module& module) {
  llvm::CallGraph graph(const_cast<llvm::Module&>(module));
  for (auto component = llvm::scc_begin(&graph); !component.isAtEnd(); ++component) {
    if (!component.hasCycle()) continue;
    std::vector<std::string> names;
    for (const llvm::CallGraphNode* node : *component) {
      if (node->getFunction() != nullptr) names.push_back(msl_spelling(llvm::demangle(node->getFunction()->getName().str())));
    }
    if (!names.empty()) return names;
  }
  return {};
}

}  // namespace anymetal::msl
