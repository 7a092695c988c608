#include "device/cpu/lanes_path.hpp"

#include "device/cpu/code_generator.hpp"
#include "device/cpu/coroutine_thread.hpp"
#include "device/cpu/execution_order.hpp"
#include "device/cpu/group_context_ir.hpp"
#include "device/cpu/lane_emitter.hpp"

#include <fmt/format.h>
#include <llvm/ADT/PostOrderIterator.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/CFG.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/Analysis/PostDominators.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <algorithm>

namespace anymetal::device::cpu {
namespace {

/// Vector code is several times the size of the thread's; beyond this, compiling it costs more than it gains.
constexpr unsigned kLargestThread = 2000;

bool meets_at_barriers(const llvm::Function& function) {
  return llvm::any_of(llvm::instructions(function), [](const llvm::Instruction& instruction) {
    const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    const auto operation = call ? sync_operation(*call) : std::nullopt;
    return operation && operation->kind == SyncOperation::Kind::ThreadgroupBarrier;
  });
}

/// A fill writes all lanes' copies: lanes that are elsewhere must not lose theirs.
bool fills_private_memory_of_some(const llvm::Function& function, const LaneShapes& shapes) {
  return llvm::any_of(llvm::instructions(function), [&](const llvm::Instruction& instruction) {
    const auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
    return call && call->getIntrinsicID() == llvm::Intrinsic::memset && shapes.is_partial(call->getParent());
  });
}

/// Everything known about the thread function that both versions are emitted from.
class LanesEmitter {
 public:
  LanesEmitter(const ThreadFunction& thread, std::string label)
      : thread_(thread),
        label_(std::move(label)),
        module_(*thread.function->getParent()),
        builder_(module_.getContext()),
        dominators_(*thread.function),
        post_dominators_(*thread.function),
        loops_(dominators_),
        order_(execution_order(*thread.function, dominators_, loops_)),
        suspends_(meets_at_barriers(*thread.function)) {}

  std::string obstacle() const;
  llvm::Function* emit_version(const char* suffix, bool rows);
  llvm::Function* emit_start(llvm::Function* rows, llvm::Function* edges, std::uint64_t stride);
  llvm::Function* emit_advance(std::uint64_t stride);
  [[nodiscard]] bool suspends() const { return suspends_; }

 private:
  llvm::Value* frame(llvm::Value* context, llvm::Value* simdgroup, std::uint64_t stride);
  llvm::Value* site(llvm::Value* context, llvm::Value* simdgroup);

  const ThreadFunction& thread_;
  std::string label_;
  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  llvm::DominatorTree dominators_;
  llvm::PostDominatorTree post_dominators_;
  llvm::LoopInfo loops_;
  std::vector<llvm::BasicBlock*> order_;
  bool suspends_;
};

std::string LanesEmitter::obstacle() const {
  const llvm::ReversePostOrderTraversal<const llvm::Function*> traversal(thread_.function);
  if (llvm::containsIrreducibleCFG<const llvm::BasicBlock*>(traversal, loops_)) return "its loops have several entries";
  if (thread_.function->getInstructionCount() > kLargestThread) return fmt::format("its {} instructions would become too much vector code", thread_.function->getInstructionCount());
  if (auto reason = lanes_obstacle(*thread_.function); !reason.empty()) return reason;
  const LaneShapes shapes(thread_, order_, dominators_, post_dominators_, loops_, false);
  if (fills_private_memory_of_some(*thread_.function, shapes)) return "a private array is filled in divergent flow";
  return {};
}

llvm::Function* LanesEmitter::emit_version(const char* suffix, bool rows) {
  auto& context = module_.getContext();
  auto* pointer = builder_.getPtrTy();
  llvm::SmallVector<llvm::Type*, 48> types(thread_.function->getFunctionType()->params());
  const auto extra = static_cast<unsigned>(types.size());
  types.append({builder_.getInt32Ty(), pointer, pointer});
  auto* function = llvm::Function::Create(llvm::FunctionType::get(builder_.getVoidTy(), types, false),
                                          llvm::GlobalValue::InternalLinkage, label_ + suffix, module_);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  builder_.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  SimdgroupParameters parameters;
  parameters.mask = rows ? static_cast<llvm::Value*>(builder_.getInt32(~0u)) : function->getArg(extra);
  parameters.frame = function->getArg(extra + 1);
  parameters.site = function->getArg(extra + 2);
  llvm::Value* handle = nullptr;
  if (suspends_) {
    function->setPresplitCoroutine();
    auto* null = llvm::ConstantPointerNull::get(pointer);
    auto* identity = builder_.CreateIntrinsic(llvm::Intrinsic::coro_id, {}, {builder_.getInt32(16), null, null, null});
    handle = builder_.CreateIntrinsic(llvm::Intrinsic::coro_begin, {}, {identity, parameters.frame});
  }
  const LaneShapes shapes(thread_, order_, dominators_, post_dominators_, loops_, rows);
  LaneEmitter(thread_, function, parameters, order_, shapes, loops_, rows).emit();
  if (suspends_) {
    auto* left = llvm::BasicBlock::Create(context, "left", function);
    for (auto& block : *function)
      if (auto* back = llvm::dyn_cast_or_null<llvm::ReturnInst>(block.getTerminator())) {
        llvm::BranchInst::Create(left, back->getIterator());
        back->eraseFromParent();
      }
    builder_.SetInsertPoint(left);
    builder_.CreateIntrinsic(llvm::Intrinsic::coro_end, {},
                             {handle, builder_.getFalse(), llvm::ConstantTokenNone::get(context)});
    builder_.CreateRetVoid();
  }
  return function;
}

llvm::Value* LanesEmitter::frame(llvm::Value* context, llvm::Value* simdgroup, std::uint64_t stride) {
  auto* frames = GroupContextIr(builder_, context).load_pointer(offsetof(GroupContext, frames));
  auto* offset = builder_.CreateNUWMul(builder_.CreateZExt(simdgroup, builder_.getInt64Ty()), builder_.getInt64(stride));
  return builder_.CreateInBoundsGEP(builder_.getInt8Ty(), frames, offset);
}

llvm::Value* LanesEmitter::site(llvm::Value* context, llvm::Value* simdgroup) {
  auto* sites = GroupContextIr(builder_, context).load_pointer(offsetof(GroupContext, sites));
  auto* index = builder_.CreateNUWMul(builder_.CreateZExt(simdgroup, builder_.getInt64Ty()), builder_.getInt64(kSimdWidth));
  return builder_.CreateInBoundsGEP(builder_.getInt32Ty(), sites, index);
}

llvm::Function* LanesEmitter::emit_start(llvm::Function* rows, llvm::Function* edges, std::uint64_t stride) {
  auto& context = module_.getContext();
  auto* word = builder_.getInt32Ty();
  auto* type = llvm::FunctionType::get(builder_.getVoidTy(), {builder_.getPtrTy(), word, word}, false);
  auto* start = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, label_ + ".start", module_);
  start->addFnAttr(llvm::Attribute::NoUnwind);
  builder_.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", start));
  auto* group = start->getArg(0);
  auto* simdgroup = start->getArg(1);
  auto* count = start->getArg(2);
  const GroupContextIr group_context(builder_, group);
  auto arguments = group_context.thread_arguments(thread_);
  llvm::SmallVector<llvm::Value*, kGeometryCount> sizes;
  group_context.append_group_geometry(sizes);
  auto size = [&](unsigned d) { return sizes[kThreadsPerGroup - kGroup + d]; };
  auto* index = builder_.CreateNUWMul(simdgroup, builder_.getInt32(kSimdWidth));
  auto* row = builder_.CreateUDiv(index, size(0));
  arguments.append({builder_.CreateURem(index, size(0)), builder_.CreateURem(row, size(1)),
                    builder_.CreateUDiv(row, size(1)), index});
  arguments.append(sizes.begin(), sizes.end());
  auto* absent = builder_.CreateSub(builder_.getInt32(kSimdWidth), count);
  arguments.append({builder_.CreateLShr(builder_.getInt32(~0u), absent), frame(group, simdgroup, stride),
                    site(group, simdgroup)});

  auto* whole = builder_.CreateICmpEQ(count, builder_.getInt32(kSimdWidth));
  auto* aligned = builder_.CreateIsNull(builder_.CreateAnd(size(0), kSimdWidth - 1));
  auto* single = builder_.CreateICmpEQ(builder_.CreateNUWMul(size(1), size(2)), builder_.getInt32(1));
  auto* in_row = llvm::BasicBlock::Create(context, "row", start);
  auto* at_edge = llvm::BasicBlock::Create(context, "edge", start);
  builder_.CreateCondBr(builder_.CreateAnd(whole, builder_.CreateOr(aligned, single)), in_row, at_edge);
  for (const auto& [block, version] : {std::pair{in_row, rows}, std::pair{at_edge, edges}}) {
    builder_.SetInsertPoint(block);
    builder_.CreateCall(version, arguments);
    builder_.CreateRetVoid();
  }
  return start;
}

llvm::Function* LanesEmitter::emit_advance(std::uint64_t stride) {
  auto& context = module_.getContext();
  auto* word = builder_.getInt32Ty();
  auto* type = llvm::FunctionType::get(word, {builder_.getPtrTy(), word, word}, false);
  auto* advance = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, label_, module_);
  advance->addFnAttr(llvm::Attribute::NoUnwind);
  builder_.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", advance));
  auto* own_site = site(advance->getArg(0), advance->getArg(1));
  if (suspends_) {
    auto* resume = llvm::BasicBlock::Create(context, "resume", advance);
    auto* wait = llvm::BasicBlock::Create(context, "wait", advance);
    builder_.CreateCondBr(builder_.CreateIsNull(advance->getArg(2)), wait, resume);
    builder_.SetInsertPoint(resume);
    auto* own_frame = frame(advance->getArg(0), advance->getArg(1), stride);
    auto* target = builder_.CreateLoad(builder_.getPtrTy(), own_frame);  // a frame starts with its resume function
    auto* resume_type = llvm::FunctionType::get(builder_.getVoidTy(), {builder_.getPtrTy()}, false);
    builder_.CreateCall(resume_type, target, {own_frame})->setCallingConv(llvm::CallingConv::Fast);
    builder_.CreateBr(wait);
    builder_.SetInsertPoint(wait);
  }
  builder_.CreateRet(builder_.CreateLoad(word, own_site));
  return advance;
}

}  // namespace

Result<LanesCode> emit_lanes_path(const ThreadFunction& thread, std::string_view label, const CodeGenerator& generator) {
  generator.regularise(*thread.function);
  LanesEmitter emitter(thread, std::string(label));
  LanesCode code;
  code.obstacle = emitter.obstacle();
  if (!code.obstacle.empty()) return code;
  auto* rows = emitter.emit_version(".rows", true);
  auto* edges = emitter.emit_version(".edge", false);
  for (auto* version : {rows, edges}) generator.tidy(*version);
  if (emitter.suspends()) {
    const auto parts = split_coroutines({rows, edges}, /*keep_address=*/true);
    for (const auto& part : parts) {
      if (!part.start || !part.resume || part.frame_bytes == 0)
        return fail(ErrorCode::InternalError, "LLVM did not split the simdgroup into a coroutine");
      const auto stride = (part.frame_bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
      code.frame_stride = std::max(code.frame_stride, stride);
    }
    rows = parts[0].start;
    edges = parts[1].start;
  }
  code.start = emitter.emit_start(rows, edges, code.frame_stride);
  code.advance = emitter.emit_advance(code.frame_stride);
  thread.function->eraseFromParent();
  return code;
}

}  // namespace anymetal::device::cpu
