#include "msl/math_mode.hpp"

#include <llvm/ADT/StringRef.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/InstrTypes.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Operator.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace anymetal::msl {
namespace {

constexpr llvm::StringRef kQuery = "__msl_precise_math";

/// By mangled name: namespaces `metal` and `__msl`, lambdas within their functions, global functions `__metal_...`.
bool is_library(const llvm::Function& f) {
  llvm::StringRef name = f.getName();
  if (name.contains("__metal_")) return true;
  if (!name.consume_front("_Z")) return false;
  name = name.ltrim("ZNK");
  return name.starts_with("5metal") || name.starts_with("5__msl");
}

/// Clang states per function whether signs of zeros may be ignored in all its operations: true but in safe mode.
bool is_safe(const llvm::Function& f) {
  return f.hasFnAttribute(kSafeMathAttribute) || !f.getFnAttribute("no-signed-zeros-fp-math").getValueAsBool();
}

std::vector<llvm::CallBase*> calls_of(llvm::Function& f) {
  std::vector<llvm::CallBase*> calls;
  for (llvm::Instruction& instruction : llvm::instructions(f)) {
    auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction);
    if (call != nullptr && call->getCalledFunction() != nullptr) calls.push_back(call);
  }
  return calls;
}

bool has_fast_operations(const llvm::Function& f) {
  return std::ranges::any_of(llvm::instructions(f), [](const llvm::Instruction& instruction) {
    return llvm::isa<llvm::FPMathOperator>(instruction) && instruction.getFastMathFlags().any();
  });
}

/// Library functions that depend on the mode, directly or through others: they ask for it, or compute in it as operators
/// of vectors do.
std::vector<llvm::Function*> mode_dependent(llvm::Module& module, llvm::Function* query) {
  std::vector<llvm::Function*> found;
  if (query != nullptr) found.push_back(query);
  for (llvm::Function& f : module) {
    if (!f.isDeclaration() && is_library(f) && has_fast_operations(f)) found.push_back(&f);
  }
  std::unordered_set<llvm::Function*> seen(found.begin(), found.end());
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (llvm::User* user : found[i]->users()) {
      auto* call = llvm::dyn_cast<llvm::CallBase>(user);
      if (call == nullptr || !is_library(*call->getFunction())) continue;
      if (seen.insert(call->getFunction()).second) found.push_back(call->getFunction());
    }
  }
  if (query != nullptr) found.erase(found.begin());
  return found;
}

}  // namespace

void choose_math_functions(llvm::Module& module) {
  std::vector<llvm::CallBase*> safe_calls;
  for (llvm::Function& f : module) {
    if (f.isDeclaration() || is_library(f) || !is_safe(f)) continue;
    std::ranges::copy(calls_of(f), std::back_inserter(safe_calls));
  }
  if (safe_calls.empty()) return;
  llvm::Function* query = module.getFunction(kQuery);
  const std::vector<llvm::Function*> originals = mode_dependent(module, query);
  const std::unordered_set<llvm::Function*> dependent(originals.begin(), originals.end());
  std::erase_if(safe_calls, [&](llvm::CallBase* call) { return !dependent.contains(call->getCalledFunction()); });
  if (safe_calls.empty()) return;

  std::unordered_map<llvm::Function*, llvm::Function*> precise;
  for (llvm::Function* original : originals) {
    llvm::ValueToValueMapTy values;
    llvm::Function* copy = llvm::CloneFunction(original, values);
    copy->setName(original->getName() + ".precise");
    copy->setComdat(nullptr);
    copy->setLinkage(llvm::GlobalValue::InternalLinkage);
    precise[original] = copy;
  }
  for (const auto& [original, copy] : precise) {
    for (llvm::Instruction& instruction : llvm::instructions(*copy)) {
      if (llvm::isa<llvm::FPMathOperator>(instruction)) instruction.copyFastMathFlags(llvm::FastMathFlags());
    }
    for (llvm::CallBase* call : calls_of(*copy)) {
      if (call->getCalledFunction() == query) {
        call->replaceAllUsesWith(llvm::ConstantInt::getTrue(module.getContext()));
        call->eraseFromParent();
      } else if (const auto found = precise.find(call->getCalledFunction()); found != precise.end()) {
        call->setCalledFunction(found->second);
      }
    }
  }
  for (llvm::CallBase* call : safe_calls) call->setCalledFunction(precise.at(call->getCalledFunction()));
}

}  // namespace anymetal::msl
