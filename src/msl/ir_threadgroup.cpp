#include "msl/ir_threadgroup.hpp"

#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/ReplaceConstant.h>

#include <algorithm>
#include <vector>

namespace anymetal::msl {
namespace {

constexpr const char* kAllocation = "__msl_threadgroup_array";
constexpr unsigned kAlignment = 16;

bool holds_address(const llvm::Constant& value) {
  if (const auto* global = llvm::dyn_cast<llvm::GlobalValue>(&value)) return global->getSection() == kThreadgroupSection;
  return std::ranges::any_of(value.operand_values(), [](const llvm::Value* part) { return holds_address(*llvm::cast<llvm::Constant>(part)); });
}

void store(llvm::IRBuilder<>& builder, llvm::Constant& value, llvm::Value* to) {
  if (!llvm::isa<llvm::ConstantAggregate>(value) || !holds_address(value)) {
    builder.CreateStore(&value, to);
    return;
  }
  for (unsigned i = 0; i < value.getNumOperands(); ++i) {
    store(builder, *value.getAggregateElement(i), builder.CreateConstInBoundsGEP2_32(value.getType(), to, 0, i));
  }
}

void make_variable(llvm::Function& function, llvm::GlobalVariable& constant) {
  llvm::IRBuilder<> builder(&function.getEntryBlock(), function.getEntryBlock().begin());
  llvm::AllocaInst* variable = builder.CreateAlloca(constant.getValueType(), nullptr, constant.getName());
  if (constant.getAlign()) variable->setAlignment(*constant.getAlign());
  store(builder, *constant.getInitializer(), variable);
  constant.replaceUsesWithIf(variable, [&](const llvm::Use& use) {
    const auto* user = llvm::dyn_cast<llvm::Instruction>(use.getUser());
    return user != nullptr && user->getFunction() == &function;
  });
}

}  // namespace

void localise_threadgroup_addresses(llvm::Module& module) {
  std::vector<llvm::GlobalVariable*> constants;
  for (llvm::GlobalVariable& global : module.globals()) {
    if (global.isConstant() && global.hasInitializer() && holds_address(*global.getInitializer())) constants.push_back(&global);
  }
  for (llvm::GlobalVariable* constant : constants) {
    llvm::convertUsersOfConstantsToInstructions({constant});
    for (llvm::Function& function : module) {
      const auto is_here = [&](const llvm::User* user) {
        const auto* instruction = llvm::dyn_cast<llvm::Instruction>(user);
        return instruction != nullptr && instruction->getFunction() == &function;
      };
      if (std::ranges::any_of(constant->users(), is_here)) make_variable(function, *constant);
    }
    if (constant->use_empty()) constant->eraseFromParent();
  }
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
