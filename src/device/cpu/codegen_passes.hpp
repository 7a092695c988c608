#pragma once
/// \file
/// The code generator's passes, less those whose time is not worth it.

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/Pass.h>
#include <llvm/PassRegistry.h>
#include <llvm/Transforms/Utils.h>

#include <memory>

#include "device/cpu/long_blocks.hpp"

namespace anymetal::device::cpu {

/// Passes that change the code of next to no kernel for a twentieth of the code generator's time: values moved to mask
/// registers, large constants kept in registers, live ranges shortened, chains of comparisons of bytes made calls, and
/// the prologue moved to where registers are needed.
inline bool changes_next_to_nothing(llvm::StringRef pass) {
  return pass == "x86-domain-reassignment" || pass == "consthoist" || pass == "lrshrink" || pass == "mergeicmps" ||
         pass == "shrink-wrap";
}

/// What depends on the processor.
struct CodegenChoices {
  bool reduces_strength = true;
  bool cuts_long_blocks = false;
};

/// Takes the passes that a target adds. Loop strength reduction takes up to half of the code generator's time for the
/// loops around a thread; the address modes of x86 do without it. That it leaves loops with preheaders is what
/// hoisting constants out of them relies on: LoopSimplify takes its place.
class CodegenPasses final : public llvm::legacy::PassManagerBase {
 public:
  explicit CodegenPasses(CodegenChoices choices) : choices_(choices) {}

  void add(llvm::Pass* pass) override {
    const auto* known = llvm::PassRegistry::getPassRegistry()->getPassInfo(pass->getPassID());
    const auto name = known ? known->getPassArgument() : llvm::StringRef();
    if (choices_.cuts_long_blocks && name == "x86-isel") passes_.add(create_long_block_pass());
    const bool is_dropped = changes_next_to_nothing(name) ||
                            (!choices_.reduces_strength && (name == "loop-reduce" || name == "canon-freeze"));
    if (!is_dropped) return passes_.add(pass);
    const std::unique_ptr<llvm::Pass> dropped(pass);  // the manager would own it
    if (name == "loop-reduce") passes_.add(llvm::createLoopSimplifyPass());
  }
  void run(llvm::Module& module) { passes_.run(module); }

 private:
  llvm::legacy::PassManager passes_;
  CodegenChoices choices_;
};

}  // namespace anymetal::device::cpu
