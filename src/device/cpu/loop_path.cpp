#include "device/cpu/loop_path.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <array>

#include "device/cpu/grid_bounds.hpp"
#include "device/cpu/group_context_ir.hpp"
#include "device/cpu/lone_atomics.hpp"
#include "device/cpu/unordered_accesses.hpp"
#include "device/cpu/vector_threads.hpp"

namespace anymetal::device::cpu {
namespace {

using Triple = std::array<llvm::Value*, 3>;

/// Threadgroups run as one at most: their threads are counted in 31 bits.
constexpr std::uint64_t kLongestRow = 1U << 20U;

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

/// Position `steps` threadgroups after `at` in its row or at the start of the next one, x fastest.
Triple next_position(llvm::IRBuilder<>& builder, const Triple& at, llvm::Value* steps, const Triple& groups) {
  auto* zero = builder.getInt32(0);
  auto* one = builder.getInt32(1);
  auto* x = builder.CreateAdd(at[0], steps);
  auto* x_ends = builder.CreateICmpEQ(x, groups[0]);
  auto* y = builder.CreateSelect(x_ends, builder.CreateAdd(at[1], one), at[1]);
  auto* y_ends = builder.CreateICmpEQ(y, groups[1]);
  return {builder.CreateSelect(x_ends, zero, x), builder.CreateSelect(y_ends, zero, y),
          builder.CreateSelect(y_ends, builder.CreateAdd(at[2], one), at[2])};
}

/// How the threads of a kernel are run.
struct Plan {
  bool one = false;                        ///< one thread does the work of its threadgroup
  bool rows = false;                       ///< threadgroups that are neighbours on the x axis run as one
  llvm::SmallVector<GridBound, 3> bounds;  ///< where threads stop
  LanesBody lanes = {};                    ///< runs `width` threads of a row at a time
  unsigned width = 0;
  llvm::Value* ignored = nullptr;  ///< what `lanes` is given beside the thread's arguments
};

/// What has to be done to loops over threads once they are there.
struct Threads {
  llvm::SmallVector<llvm::CallInst*, 2> calls;  ///< to inline
  llvm::Instruction* latch = nullptr;           ///< of the loop over x of single threads
};

/// `count` threadgroups from `group` on along x.
Threads emit_groups(llvm::IRBuilder<>& builder, const GroupContextIr& context, const ThreadFunction& thread,
                    const Plan& plan, llvm::ArrayRef<llvm::Value*> pointers, const Triple& group, llvm::Value* count) {
  llvm::SmallVector<llvm::Value*, kGeometryCount> sizes;
  context.append_group_geometry(sizes);
  auto size = [&](unsigned which, unsigned d) -> llvm::Value*& { return sizes[which - kGroup + d]; };
  Triple origin{}, extent{};
  for (unsigned d = 0; d < 3; ++d) {
    origin[d] = builder.CreateNUWMul(group[d], size(kDispatchThreads, d));
    auto* left = builder.CreateNUWSub(size(kThreadsPerGrid, d), origin[d]);
    auto* whole = d == 0 ? builder.CreateNUWMul(count, size(kDispatchThreads, d)) : size(kDispatchThreads, d);
    extent[d] = builder.CreateBinaryIntrinsic(llvm::Intrinsic::umin, left, whole);
    size(kGroup, d) = group[d];
    size(kThreadsPerGroup, d) = extent[d];
  }
  auto call_arguments = [&](const Triple& at, llvm::Value* index) {
    llvm::SmallVector<llvm::Value*, 48> arguments(pointers);
    arguments.append({at[0], at[1], at[2], index});
    arguments.append(sizes.begin(), sizes.end());
    return arguments;
  };
  auto* zero = builder.getInt32(0);
  const Triple clipped = extent;
  if (plan.rows) size(kGroup, 0) = zero;  // the thread's position is that in the grid
  if (plan.one) extent = {builder.getInt32(1), builder.getInt32(1), builder.getInt32(1)};
  Triple skipped{};  // threads before the first that does the kernel's work, where there may be some
  for (const auto& bound : plan.bounds) {
    auto wide = [&](llvm::Value* value) { return builder.CreateZExt(value, builder.getInt64Ty()); };
    auto* end = emit_bound(builder, thread, bound, call_arguments({zero, zero, zero}, zero));
    auto* left = builder.CreateBinaryIntrinsic(llvm::Intrinsic::usub_sat, end, wide(origin[bound.axis]));
    auto* shorter = builder.CreateBinaryIntrinsic(llvm::Intrinsic::umin, left, wide(extent[bound.axis]));
    auto* threads = builder.CreateTrunc(shorter, builder.getInt32Ty());
    auto*& known = bound.side == GridBound::Side::From ? skipped[bound.axis] : extent[bound.axis];
    if (bound.side == GridBound::Side::From && known)
      threads = builder.CreateBinaryIntrinsic(llvm::Intrinsic::umax, known, threads);
    known = threads;
  }
  for (unsigned d = 0; d < 3; ++d)
    if (skipped[d]) extent[d] = builder.CreateBinaryIntrinsic(llvm::Intrinsic::usub_sat, extent[d], skipped[d]);
  const auto past = [&](unsigned axis, llvm::Value* at) {
    return skipped[axis] ? builder.CreateNUWAdd(skipped[axis], at) : at;
  };
  Threads threads;
  emit_counted_loop(builder, extent[2], "thread.z", [&](llvm::Value* count_z) {
    auto* z = past(2, count_z);
    emit_counted_loop(builder, extent[1], "thread.y", [&](llvm::Value* count_y) {
      auto* y = past(1, count_y);
      auto* row = builder.CreateNUWMul(builder.CreateNUWAdd(builder.CreateNUWMul(z, clipped[1]), y), clipped[0]);
      auto arguments_at = [&](llvm::Value* count_x) {
        auto* x = past(0, count_x);
        auto* place = plan.rows ? builder.CreateNUWAdd(origin[0], x) : x;
        return call_arguments({place, y, z}, builder.CreateNUWAdd(row, x));
      };
      llvm::Value* done = nullptr;
      if (plan.lanes.function) {
        auto* width = builder.getInt32(plan.width);
        auto* blocks = builder.CreateUDiv(extent[0], width);
        emit_counted_loop(builder, blocks, "lanes.x", [&](llvm::Value* block) {
          auto arguments = arguments_at(builder.CreateNUWMul(block, width));
          arguments.append({plan.ignored, plan.ignored});
          threads.calls.push_back(builder.CreateCall(plan.lanes.function, arguments));
        });
        done = builder.CreateNUWMul(blocks, width);
      }
      auto* left = done ? builder.CreateNUWSub(extent[0], done) : extent[0];
      threads.latch = emit_counted_loop(builder, left, "thread.x", [&](llvm::Value* x) {
        auto* at = done ? builder.CreateNUWAdd(done, x) : x;
        threads.calls.push_back(builder.CreateCall(thread.function, arguments_at(at)));
      });
    });
  });
  return threads;
}

}  // namespace

LoopCode emit_loop_path(const ThreadFunction& thread, std::string_view label, bool one_thread,
                        const CodeGenerator& generator, const LanesOptions* vectors) {
  auto* module = thread.function->getParent();
  auto& llvm_context = module->getContext();
  llvm::IRBuilder<> builder(llvm_context);
  auto* type = llvm::FunctionType::get(builder.getVoidTy(),
                                       {builder.getPtrTy(), builder.getInt64Ty(), builder.getInt64Ty()}, false);
  auto* run = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, llvm::StringRef(label), module);
  run->addFnAttr(llvm::Attribute::NoUnwind);
  run->addParamAttr(0, llvm::Attribute::NoAlias);
  Plan plan{.one = one_thread || threads_are_alike(thread), .bounds = take_grid_bounds(thread)};
  // Threadgroups that run at once would share the memory of one.
  plan.rows = !plan.one && !thread.has_threadgroup_memory && reads_only_grid_position_of_x(thread);
  if (!plan.one && vectors) {
    // A row of a threadgroup alone is often 16 long.
    plan.width = plan.rows ? 32 : 16;
    plan.lanes = emit_vector_threads(thread, plan.width, label, generator, *vectors);
  }
  llvm::SmallVector<llvm::Instruction*, 64> instructions;
  for (auto& instruction : llvm::instructions(*thread.function)) instructions.push_back(&instruction);
  mark_buffer_atomics(thread);
  auto* unordered = plan.one || plan.lanes.function ? nullptr : mark_unordered_accesses(instructions);

  auto* entry = llvm::BasicBlock::Create(llvm_context, "entry", run);
  auto* loop = llvm::BasicBlock::Create(llvm_context, "group", run);
  builder.SetInsertPoint(entry);
  if (plan.lanes.function) plan.ignored = builder.CreateAlloca(builder.getInt32Ty());
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
  llvm::Value* steps = builder.getInt32(1);
  if (plan.rows) {
    auto* left = builder.CreateBinaryIntrinsic(llvm::Intrinsic::umin, builder.CreateNUWSub(run->getArg(2), linear),
                                               builder.getInt64(kLongestRow));
    steps = builder.CreateBinaryIntrinsic(llvm::Intrinsic::umin, builder.CreateTrunc(left, builder.getInt32Ty()),
                                          builder.CreateNUWSub(groups[0], group[0]));
  }
  const auto threads = emit_groups(builder, context, thread, plan, pointers, group, steps);
  const auto following = next_position(builder, group, steps, groups);
  for (unsigned d = 0; d < 3; ++d)
    llvm::cast<llvm::PHINode>(group[d])->addIncoming(following[d], builder.GetInsertBlock());
  auto* next = builder.CreateAdd(linear, builder.CreateZExt(steps, builder.getInt64Ty()));
  linear->addIncoming(next, builder.GetInsertBlock());
  auto* end = llvm::BasicBlock::Create(llvm_context, "end", run);
  builder.CreateCondBr(builder.CreateICmpULT(next, run->getArg(2)), loop, end);
  builder.SetInsertPoint(end);
  builder.CreateRetVoid();

  if (unordered) mark_unordered_loop(threads.latch, unordered);
  for (auto* call : threads.calls) {
    llvm::InlineFunctionInfo info;
    llvm::InlineFunction(*call, info);
  }
  make_atomics_plain_where_alone(*run);
  thread.function->eraseFromParent();
  const bool as_vectors = plan.lanes.function != nullptr;
  if (as_vectors) plan.lanes.function->eraseFromParent();
  return {run, plan.lanes.relies_on_small_buffers ? kLargestLaneBuffer : 0, as_vectors, plan.lanes.obstacle};
}

}  // namespace anymetal::device::cpu
