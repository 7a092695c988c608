#include "device/cpu/loop_path.hpp"

#include "device/cpu/group_context_ir.hpp"
#include "device/cpu/unordered_accesses.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <array>

namespace anymetal::device::cpu {
namespace {

using Triple = std::array<llvm::Value*, 3>;

/// Whether nothing tells the threads of a threadgroup apart: then all of them do the same, and one may do it for all.
bool threads_are_alike(const ThreadFunction& thread) {
  for (const unsigned which : {kThread + 0, kThread + 1, kThread + 2, kThreadIndex + 0})
    if (!thread.geometry(which)->use_empty()) return false;
  return llvm::none_of(llvm::instructions(*thread.function),
                       [](const llvm::Instruction& instruction) { return instruction.isAtomic(); });
}

/// Position of the threadgroup with a linear index.
Triple position_of(llvm::IRBuilder<>& builder, llvm::Value* linear, const Triple& groups) {
  auto* wide_x = builder.CreateZExt(groups[0], builder.getInt64Ty());
  auto* wide_y = builder.CreateZExt(groups[1], builder.getInt64Ty());
  auto* row = builder.CreateUDiv(linear, wide_x);
  auto narrow = [&](llvm::Value* value) { return builder.CreateTrunc(value, builder.getInt32Ty()); };
  return {narrow(builder.CreateURem(linear, wide_x)), narrow(builder.CreateURem(row, wide_y)),
          narrow(builder.CreateUDiv(row, wide_y))};
}

/// Position after `at`, x fastest.
Triple next_position(llvm::IRBuilder<>& builder, const Triple& at, const Triple& groups) {
  auto* zero = builder.getInt32(0);
  auto* one = builder.getInt32(1);
  auto* x = builder.CreateAdd(at[0], one);
  auto* x_ends = builder.CreateICmpEQ(x, groups[0]);
  auto* y = builder.CreateSelect(x_ends, builder.CreateAdd(at[1], one), at[1]);
  auto* y_ends = builder.CreateICmpEQ(y, groups[1]);
  return {builder.CreateSelect(x_ends, zero, x), builder.CreateSelect(y_ends, zero, y),
          builder.CreateSelect(y_ends, builder.CreateAdd(at[2], one), at[2])};
}

/// All threads of the threadgroup at `group`, or `one` for all. Returns the call to inline and the latch of the loop over x.
std::pair<llvm::CallInst*, llvm::Instruction*> emit_group(llvm::IRBuilder<>& builder, const GroupContextIr& context,
                                                          const ThreadFunction& thread,
                                                          llvm::ArrayRef<llvm::Value*> pointers, const Triple& group, bool one) {
  llvm::SmallVector<llvm::Value*, kGeometryCount> sizes;
  context.append_group_geometry(sizes);
  auto size = [&](unsigned which, unsigned d) { return sizes[which - kGroup + d]; };
  Triple extent{};
  for (unsigned d = 0; d < 3; ++d) {
    auto* origin = builder.CreateNUWMul(group[d], size(kDispatchThreads, d));
    auto* left = builder.CreateNUWSub(size(kThreadsPerGrid, d), origin);
    extent[d] = builder.CreateBinaryIntrinsic(llvm::Intrinsic::umin, left, size(kDispatchThreads, d));
    sizes[kGroup - kGroup + d] = group[d];
    sizes[kThreadsPerGroup - kGroup + d] = extent[d];
  }
  if (one) extent = {builder.getInt32(1), builder.getInt32(1), builder.getInt32(1)};
  llvm::CallInst* call = nullptr;
  llvm::Instruction* latch = nullptr;
  emit_counted_loop(builder, extent[2], "thread.z", [&](llvm::Value* z) {
    emit_counted_loop(builder, extent[1], "thread.y", [&](llvm::Value* y) {
      auto* row = builder.CreateNUWMul(builder.CreateNUWAdd(builder.CreateNUWMul(z, extent[1]), y), extent[0]);
      latch = emit_counted_loop(builder, extent[0], "thread.x", [&](llvm::Value* x) {
        llvm::SmallVector<llvm::Value*, 48> arguments(pointers);
        arguments.append({x, y, z, builder.CreateNUWAdd(row, x)});
        arguments.append(sizes.begin(), sizes.end());
        call = builder.CreateCall(thread.function, arguments);
      });
    });
  });
  return {call, latch};
}

}  // namespace

llvm::Function* emit_loop_path(const ThreadFunction& thread, std::string_view label, bool one_thread) {
  auto* module = thread.function->getParent();
  auto& llvm_context = module->getContext();
  llvm::IRBuilder<> builder(llvm_context);
  auto* type = llvm::FunctionType::get(builder.getVoidTy(),
                                       {builder.getPtrTy(), builder.getInt64Ty(), builder.getInt64Ty()}, false);
  auto* run = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, llvm::StringRef(label), module);
  run->addFnAttr(llvm::Attribute::NoUnwind);
  run->addParamAttr(0, llvm::Attribute::NoAlias);
  const bool one = one_thread || threads_are_alike(thread);
  llvm::SmallVector<llvm::Instruction*, 64> instructions;
  for (auto& instruction : llvm::instructions(*thread.function)) instructions.push_back(&instruction);
  auto* unordered = one ? nullptr : mark_unordered_accesses(instructions);

  auto* entry = llvm::BasicBlock::Create(llvm_context, "entry", run);
  auto* loop = llvm::BasicBlock::Create(llvm_context, "group", run);
  builder.SetInsertPoint(entry);
  const GroupContextIr context(builder, run->getArg(0));
  const auto pointers = context.thread_arguments(thread);
  Triple groups{};
  for (unsigned d = 0; d < 3; ++d) groups[d] = context.load_size(offsetof(GroupContext, groups_per_grid), d);
  const auto first = position_of(builder, run->getArg(1), groups);
  builder.CreateBr(loop);

  builder.SetInsertPoint(loop);
  auto* linear = builder.CreatePHI(builder.getInt64Ty(), 2);
  linear->addIncoming(run->getArg(1), entry);
  Triple group{};
  for (unsigned d = 0; d < 3; ++d) {
    auto* position = builder.CreatePHI(builder.getInt32Ty(), 2);
    position->addIncoming(first[d], entry);
    group[d] = position;
  }
  const auto [call, latch] = emit_group(builder, context, thread, pointers, group, one);
  const auto following = next_position(builder, group, groups);
  for (unsigned d = 0; d < 3; ++d)
    llvm::cast<llvm::PHINode>(group[d])->addIncoming(following[d], builder.GetInsertBlock());
  auto* next = builder.CreateAdd(linear, builder.getInt64(1));
  linear->addIncoming(next, builder.GetInsertBlock());
  auto* end = llvm::BasicBlock::Create(llvm_context, "end", run);
  builder.CreateCondBr(builder.CreateICmpULT(next, run->getArg(2)), loop, end);
  builder.SetInsertPoint(end);
  builder.CreateRetVoid();

  if (unordered) mark_unordered_loop(latch, unordered);
  llvm::InlineFunctionInfo info;
  llvm::InlineFunction(*call, info);
  thread.function->eraseFromParent();
  return run;
}

}  // namespace anymetal::device::cpu
