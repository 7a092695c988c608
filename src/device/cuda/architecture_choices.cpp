#include "device/cuda/architecture_choices.hpp"

#include "msl/ir_simplify.hpp"
#include "msl/ir_threadgroup.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>

namespace anymetal::device::cuda {

namespace {

/// Replaces the calls of `name` by `answer(call)`; whether there were any.
bool answer(llvm::Module& module, llvm::StringRef name, llvm::function_ref<bool(const llvm::CallInst&)> answer_for) {
  auto* query = module.getFunction(name);
  if (query == nullptr) return false;
  for (auto* user : llvm::make_early_inc_range(query->users())) {
    auto* call = llvm::cast<llvm::CallInst>(user);
    call->replaceAllUsesWith(llvm::ConstantInt::getBool(call->getType(), answer_for(*call)));
    call->eraseFromParent();
  }
  query->eraseFromParent();
  return true;
}

}  // namespace

void settle_architecture(msl::SpecialisedKernel& kernel, const Architecture& architecture) {
  auto& module = *kernel.module;
  const bool capability = answer(module, "__msl_is_nvidia_capability", [&](const llvm::CallInst& call) {
    return architecture.capability >= llvm::cast<llvm::ConstantInt>(call.getArgOperand(0))->getZExtValue();
  });
  const bool warpgroup = answer(module, "__msl_has_nvidia_warpgroup_products",
                                [&](const llvm::CallInst&) { return architecture.has_warpgroup_products; });
  if (!capability && !warpgroup) return;
  msl::simplify_functions(module);
  msl::drop_unused(module);
  kernel.reflection.static_threadgroup_memory = msl::threadgroup_bytes(module);
}

}  // namespace anymetal::device::cuda
