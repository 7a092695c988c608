#include "device/cpu/thread_function.hpp"

#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/sync_operation.hpp"

#include <fmt/format.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/StringSwitch.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/PatternMatch.h>
#include <llvm/IR/ReplaceConstant.h>

#include <algorithm>
#include <optional>

namespace anymetal::device::cpu {
namespace {

constexpr std::uint64_t kMostCoreBytes = std::uint64_t{1} << 20;

/// Puts the core memory that the kernel asks for at the beginning of `memory`; returns the bytes used.
Result<std::uint64_t> place_core_memory(llvm::Function& function, llvm::Argument* memory) {
  std::uint64_t bytes = 0;
  for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
    auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    if (!call || !call->getCalledFunction() || call->getCalledFunction()->getName() != "__msl_core_memory") continue;
    const auto* wanted = llvm::dyn_cast<llvm::ConstantInt>(call->getArgOperand(0));
    if (!wanted || wanted->getZExtValue() > kMostCoreBytes)
      return fail(ErrorCode::UnsupportedByDevice,
                  fmt::format("the kernel asks for more than {} bytes of core memory", kMostCoreBytes));
    bytes = std::max(bytes, llvm::alignTo(wanted->getZExtValue(), llvm::Align(kArenaAlignment)));
    call->replaceAllUsesWith(memory);
    call->eraseFromParent();
  }
  return bytes;
}

/// Gives every static threadgroup variable a place from byte `bytes` on; returns the bytes used.
std::uint64_t place_threadgroup_variables(llvm::Module& module, llvm::Argument* memory, std::uint64_t bytes) {
  llvm::SmallVector<llvm::GlobalVariable*, 8> variables;
  for (auto& global : module.globals())
    if (global.getSection() == "msl.threadgroup") variables.push_back(&global);
  llvm::SmallVector<llvm::Constant*, 8> constants(variables.begin(), variables.end());
  llvm::convertUsersOfConstantsToInstructions(constants, memory->getParent());

  const auto& layout = module.getDataLayout();
  llvm::IRBuilder<> builder(&*memory->getParent()->getEntryBlock().getFirstInsertionPt());
  for (auto* variable : variables) {
    if (!variable->use_empty()) {
      const auto alignment = std::max(variable->getAlign().valueOrOne(), llvm::Align(16));
      const auto offset = llvm::alignTo(bytes, alignment);
      auto* address = builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), memory, offset, variable->getName());
      variable->replaceAllUsesWith(address);
      bytes = offset + layout.getTypeAllocSize(variable->getValueType());
    }
    variable->eraseFromParent();
  }
  return bytes;
}

/// First of the geometry parameters a three-dimensional query reads.
std::optional<unsigned> dimensioned_query(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<unsigned>>(name)
      .Case("__msl_thread_position_in_threadgroup", kThread)
      .Case("__msl_threadgroup_position_in_grid", kGroup)
      .Case("__msl_threads_per_threadgroup", kThreadsPerGroup)
      .Case("__msl_dispatch_threads_per_threadgroup", kDispatchThreads)
      .Case("__msl_threadgroups_per_grid", kGroupsPerGrid)
      .Case("__msl_threads_per_grid", kThreadsPerGrid)
      .Default(std::nullopt);
}

/// The value of a position query, or null where `call` is something else.
llvm::Value* query_value(llvm::CallInst& call, const ThreadFunction& thread) {
  const auto name = call.getCalledFunction()->getName();
  if (const auto first = dimensioned_query(name)) {
    const auto* dimension = llvm::dyn_cast<llvm::ConstantInt>(call.getArgOperand(0));
    return dimension && dimension->getZExtValue() < 3
               ? thread.geometry(*first + static_cast<unsigned>(dimension->getZExtValue()))
               : nullptr;
  }
  llvm::IRBuilder<> builder(&call);
  auto* index = thread.geometry(kThreadIndex);
  if (name == "__msl_thread_index_in_threadgroup") return index;
  if (name == "__msl_thread_index_in_simdgroup") return builder.CreateAnd(index, kSimdWidth - 1);
  if (name == "__msl_simdgroup_index_in_threadgroup") return builder.CreateLShr(index, 5);
  return nullptr;
}

/// Positions in the grid are below 2^32 by the dispatch's limits; saying so lets loops over threads be vectorised.
void mark_grid_positions(const ThreadFunction& thread) {
  using namespace llvm::PatternMatch;
  for (unsigned d = 0; d < 3; ++d) {
    auto* group = thread.geometry(kGroup + d);
    auto* position = thread.geometry(kThread + d);
    for (auto* user : group->users()) {
      if (!match(user, m_c_Mul(m_Specific(group), m_Specific(thread.geometry(kDispatchThreads + d))))) continue;
      auto* origin = llvm::cast<llvm::Instruction>(user);
      origin->setHasNoUnsignedWrap();
      for (auto* sum : origin->users())
        if (match(sum, m_c_Add(m_Specific(origin), m_Specific(position))))
          llvm::cast<llvm::Instruction>(sum)->setHasNoUnsignedWrap();
    }
  }
}

Result<void> lower_calls(const ThreadFunction& thread) {
  for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(*thread.function))) {
    auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    if (!call || call->isInlineAsm()) continue;
    const auto* callee = call->getCalledFunction();
    if (!callee) return fail(ErrorCode::UnsupportedByDevice, "the kernel calls through a function pointer");
    if (callee->isIntrinsic() || sync_operation(*call)) continue;
    if (callee->getName() == "__msl_fence") {
      llvm::IRBuilder<>(call).CreateFence(llvm::AtomicOrdering::SequentiallyConsistent);
    } else if (auto* value = query_value(*call, thread)) {
      call->replaceAllUsesWith(value);
    } else {
      return fail(ErrorCode::InternalError,
                  fmt::format("the kernel's IR calls '{}', which the CPU back end does not know", callee->getName().str()));
    }
    call->eraseFromParent();
  }
  return {};
}

}  // namespace

llvm::Argument* ThreadFunction::threadgroup_memory() const { return function->getArg(argument_count); }
llvm::Argument* ThreadFunction::geometry(unsigned which) const { return function->getArg(argument_count + 1 + which); }

Result<ThreadFunction> make_thread_function(llvm::Module& module, llvm::Function& entry) {
  auto& context = module.getContext();
  auto* pointer = llvm::PointerType::getUnqual(context);
  ThreadFunction thread;
  thread.argument_count = static_cast<unsigned>(entry.arg_size());
  llvm::SmallVector<llvm::Type*, 32> parameters(entry.arg_size() + 1, pointer);
  parameters.append(kGeometryCount, llvm::Type::getInt32Ty(context));
  thread.function = llvm::Function::Create(llvm::FunctionType::get(llvm::Type::getVoidTy(context), parameters, false),
                                           llvm::GlobalValue::InternalLinkage, "thread", module);
  thread.function->splice(thread.function->begin(), &entry);
  thread.function->addFnAttr(llvm::Attribute::NoUnwind);
  for (auto& argument : entry.args()) {
    auto* replacement = thread.function->getArg(argument.getArgNo());
    replacement->takeName(&argument);
    llvm::AttrBuilder attributes(context, entry.getAttributes().getParamAttrs(argument.getArgNo()));
    replacement->addAttrs(attributes);
    argument.replaceAllUsesWith(replacement);
  }
  entry.eraseFromParent();

  const auto core_bytes = place_core_memory(*thread.function, thread.threadgroup_memory());
  if (!core_bytes) return std::unexpected(core_bytes.error());
  thread.core_bytes = *core_bytes;
  thread.static_threadgroup_bytes = place_threadgroup_variables(module, thread.threadgroup_memory(), thread.core_bytes);
  if (auto lowered = lower_calls(thread); !lowered) return std::unexpected(lowered.error());
  mark_grid_positions(thread);
  return thread;
}

}  // namespace anymetal::device::cpu
