#include "msl/math_mode.hpp"

#include <llvm/ADT/StringRef.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/InstrTypes.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <algorithm>
#include <unordered_map>
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

/// Library functions that depend on the mode, directly or through others.
std::vector<llvm::Function*> mode_dependent(llvm::Function& query) {
  std::vector<llvm::Function*> found = {&query};
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (llvm::User* user : found[i]->users()) {
      auto* call = llvm::dyn_cast<llvm::CallBase>(user);
      if (call == nullptr || !is_library(*call->getFunction())) continue;
      if (std::find(found.begin(), found.end(), call->getFunction()) == found.end())
        found.push_back(call->getFunction());
    }
  }
  found.erase(found.begin());
  return found;
}

}  // namespace

void choose_math_functions(llvm::Module& module) {
  llvm::Function* query = module.getFunction(kQuery);
  if (query == nullptr) return;
  const std::vector<llvm::Function*> originals = mode_dependent(*query);
  std::vector<llvm::CallBase*> safe_calls;
  for (llvm::Function& f : module) {
    if (f.isDeclaration() || is_library(f) || !is_safe(f)) continue;
    for (llvm::CallBase* call : calls_of(f)) {
      if (std::find(originals.begin(), originals.end(), call->getCalledFunction()) != originals.end())
        safe_calls.push_back(call);
    }
  }
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
