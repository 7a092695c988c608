#include "msl/ir_threadgroup.hpp"

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>

namespace anymetal::msl {
namespace {

constexpr const char* kAllocation = "__msl_threadgroup_array";
constexpr unsigned kAlignment = 16;

}  // namespace

bool resolve_threadgroup_arrays(llvm::Module& module) {
  llvm::Function* allocate = module.getFunction(kAllocation);
  if (allocate == nullptr) return true;
  for (llvm::User* user : llvm::make_early_inc_range(allocate->users())) {
    auto* call = llvm::dyn_cast<llvm::CallInst>(user);
    const auto* bytes = call == nullptr ? nullptr : llvm::dyn_cast<llvm::ConstantInt>(call->getArgOperand(0));
    if (bytes == nullptr) return false;
    auto* type = llvm::ArrayType::get(llvm::Type::getInt8Ty(module.getContext()), bytes->getZExtValue());
    auto* memory = new llvm::GlobalVariable(module, type, false, llvm::GlobalValue::InternalLinkage, llvm::UndefValue::get(type), kAllocation);
    memory->setSection(kThreadgroupSection);
    memory->setAlignment(llvm::Align(kAlignment));
    call->replaceAllUsesWith(memory);
    call->eraseFromParent();
  }
  allocate->eraseFromParent();
  return true;
}

std::size_t threadgroup_bytes(const llvm::Module& module) {
  std::size_t bytes = 0;
  for (const llvm::GlobalVariable& global : module.globals()) {
    if (global.getSection() != kThreadgroupSection || global.use_empty()) continue;
    const std::size_t alignment = global.getAlign().valueOrOne().value();
    bytes = (bytes + alignment - 1) / alignment * alignment + module.getDataLayout().getTypeAllocSize(global.getValueType()).getFixedValue();
  }
  return bytes;
}

}  // namespace anymetal::msl
