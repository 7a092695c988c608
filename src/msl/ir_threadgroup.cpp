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

void mark_threadgroup_array(llvm::CallInst& annotation) {
  auto* memory = llvm::dyn_cast<llvm::AllocaInst>(annotation.getArgOperand(0)->stripPointerCasts());
  const auto* text = llvm::dyn_cast<llvm::GlobalVariable>(annotation.getArgOperand(1)->stripPointerCasts());
  if (memory == nullptr || text == nullptr || !memory->isArrayAllocation() || !text->hasInitializer()) return;
  const auto* characters = llvm::dyn_cast<llvm::ConstantDataArray>(text->getInitializer());
  if (characters == nullptr || !characters->isCString() || characters->getAsCString() != "msl:threadgroup") return;
  llvm::Module& module = *annotation.getModule();
  llvm::IRBuilder<> builder(memory);
  const std::uint64_t element = module.getDataLayout().getTypeAllocSize(memory->getAllocatedType()).getFixedValue();
  llvm::Value* count = builder.CreateZExt(memory->getArraySize(), builder.getInt64Ty());
  llvm::Value* bytes = builder.CreateMul(count, builder.getInt64(element));
  const llvm::FunctionCallee allocate = module.getOrInsertFunction(kAllocation, builder.getPtrTy(), builder.getInt64Ty());
  memory->replaceAllUsesWith(builder.CreateCall(allocate, {bytes}));
  memory->eraseFromParent();
}

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
