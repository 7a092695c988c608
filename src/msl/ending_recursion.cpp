#include "msl/ending_recursion.hpp"

#include "msl/compile_guard.hpp"
#include "msl/decided_comparisons.hpp"
#include "msl/ir_simplify.hpp"

#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <vector>

namespace anymetal::msl {
namespace {

constexpr int kMostRounds = 16;
constexpr std::size_t kMostInstructions = 50'000;

/// The calls of functions with bodies; none where the function would become too long by their inlining.
std::vector<llvm::CallInst*> calls_to_inline(llvm::Function& function) {
  std::vector<llvm::CallInst*> calls;
  std::size_t size = function.getInstructionCount();
  for (llvm::Instruction& i : llvm::instructions(function)) {
    if (!calls_function(i)) continue;
    calls.push_back(llvm::cast<llvm::CallInst>(&i));
    size += calls.back()->getCalledFunction()->getInstructionCount();
    if (size > kMostInstructions) return {};
  }
  return calls;
}

bool inline_in_rounds(llvm::Function& function) {
  for (int round = 0; round < kMostRounds && calls_functions(function); ++round) {
    const std::vector<llvm::CallInst*> calls = calls_to_inline(function);
    if (calls.empty()) return false;
    for (llvm::CallInst* call : calls) {
      llvm::InlineFunctionInfo info;
      if (!llvm::InlineFunction(*call, info).isSuccess()) return false;
    }
    checkpoint();
    simplify_function(function);
    fold_decided_comparisons(function);
    simplify_function(function);
  }
  return !calls_functions(function);
}

}  // namespace

void inline_ending_recursion(llvm::Function& kernel) {
  llvm::ValueToValueMapTy same;
  llvm::Function* inlined = llvm::CloneFunction(&kernel, same);
  if (inline_in_rounds(*inlined)) {
    const auto linkage = kernel.getLinkage();
    kernel.deleteBody();
    kernel.setLinkage(linkage);
    for (auto [own, copy] : llvm::zip(kernel.args(), inlined->args())) copy.replaceAllUsesWith(&own);
    kernel.splice(kernel.begin(), inlined);
  }
  inlined->eraseFromParent();
}

}  // namespace anymetal::msl
