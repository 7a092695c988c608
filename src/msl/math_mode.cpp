#include "msl/math_mode.hpp"

#include <llvm/ADT/StringRef.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/InstrTypes.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Operator.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "msl/call_modes.hpp"

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

/// Of a call that does not say it: Clang states per function whether signs of zeros may be ignored in all its
/// operations, true but in safe mode.
bool is_safe(const llvm::CallBase& call) {
  const CallMode mode = mode_of(call);
  return mode.is_known ? mode.is_safe : !call.getFunction()->getFnAttribute("no-signed-zeros-fp-math").getValueAsBool();
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

using Functions = std::vector<llvm::Function*>;

/// Copies of library functions that call each other, by the original.
std::unordered_map<llvm::Function*, llvm::Function*> copies_of(const Functions& originals, llvm::StringRef suffix) {
  std::unordered_map<llvm::Function*, llvm::Function*> copies;
  for (llvm::Function* original : originals) {
    llvm::ValueToValueMapTy values;
    llvm::Function* copy = llvm::CloneFunction(original, values);
    copy->setName(original->getName() + suffix);
    copy->setComdat(nullptr);
    copy->setLinkage(llvm::GlobalValue::InternalLinkage);
    copies[original] = copy;
  }
  for (const auto& [original, copy] : copies) {
    for (llvm::CallBase* call : calls_of(*copy)) {
      if (const auto found = copies.find(call->getCalledFunction()); found != copies.end()) call->setCalledFunction(found->second);
    }
  }
  return copies;
}

/// Calls in user functions for which `is_meant` holds.
template <class Predicate>
std::vector<llvm::CallBase*> users_calls(llvm::Module& module, const Predicate& is_meant) {
  std::vector<llvm::CallBase*> calls;
  for (llvm::Function& f : module) {
    if (!f.isDeclaration() && !is_library(f))
      std::ranges::copy_if(calls_of(f), std::back_inserter(calls),
                           [&](const llvm::CallBase* call) { return is_meant(*call); });
  }
  return calls;
}

/// Arithmetic operators of vectors and matrices, by mangled name.
bool is_operator(const llvm::Function& f) {
  llvm::StringRef name = f.getName();
  if (!name.consume_front("_ZN5metal")) return false;
  static constexpr std::array<llvm::StringLiteral, 9> kOperators = {"pl", "mi", "ml", "dv", "pL", "mI", "mL", "dV", "ng"};
  return std::ranges::any_of(kOperators, [&](llvm::StringRef op) { return name.starts_with(op); });
}

/// The operators called and the library functions below them.
Functions below(const std::vector<llvm::CallBase*>& calls) {
  Functions found;
  std::unordered_set<llvm::Function*> seen;
  const auto add = [&](llvm::Function* f) {
    if (!f->isDeclaration() && is_library(*f) && seen.insert(f).second) found.push_back(f);
  };
  for (llvm::CallBase* call : calls) add(call->getCalledFunction());
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (llvm::CallBase* call : calls_of(*found[i])) add(call->getCalledFunction());
  }
  return found;
}

void keep_operators_apart(llvm::Module& module) {
  const std::vector<llvm::CallBase*> calls = users_calls(module, [](const llvm::CallBase& call) {
    return !mode_of(call).contracts && is_operator(*call.getCalledFunction());
  });
  if (calls.empty()) return;
  const auto copies = copies_of(below(calls), ".uncontracted");
  for (const auto& [original, copy] : copies) {
    for (llvm::Instruction& instruction : llvm::instructions(*copy)) {
      if (!llvm::isa<llvm::FPMathOperator>(instruction)) continue;
      llvm::FastMathFlags flags = instruction.getFastMathFlags();
      flags.setAllowContract(false);
      instruction.copyFastMathFlags(flags);
    }
  }
  for (llvm::CallBase* call : calls) {
    if (const auto found = copies.find(call->getCalledFunction()); found != copies.end()) call->setCalledFunction(found->second);
  }
}

void make_safe(llvm::Module& module) {
  std::vector<llvm::CallBase*> calls = users_calls(module, is_safe);
  if (calls.empty()) return;
  llvm::Function* query = module.getFunction(kQuery);
  const Functions originals = mode_dependent(module, query);
  const std::unordered_set<llvm::Function*> dependent(originals.begin(), originals.end());
  std::erase_if(calls, [&](llvm::CallBase* call) { return !dependent.contains(call->getCalledFunction()); });
  if (calls.empty()) return;
  const auto precise = copies_of(originals, ".precise");
  for (const auto& [original, copy] : precise) {
    for (llvm::Instruction& instruction : llvm::instructions(*copy)) {
      if (llvm::isa<llvm::FPMathOperator>(instruction)) instruction.copyFastMathFlags(llvm::FastMathFlags());
    }
    for (llvm::CallBase* call : calls_of(*copy)) {
      if (call->getCalledFunction() != query) continue;
      call->replaceAllUsesWith(llvm::ConstantInt::getTrue(module.getContext()));
      call->eraseFromParent();
    }
  }
  for (llvm::CallBase* call : calls) call->setCalledFunction(precise.at(call->getCalledFunction()));
}

}  // namespace

void choose_math_functions(llvm::Module& module) {
  make_safe(module);
  keep_operators_apart(module);
  for (llvm::Function& f : module) {
    for (llvm::CallBase* call : calls_of(f)) unmark(*call);
  }
}

}  // namespace anymetal::msl
