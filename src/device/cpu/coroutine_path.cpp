#include "device/cpu/coroutine_path.hpp"

#include "device/cpu/coroutine_thread.hpp"
#include "device/cpu/group_context_ir.hpp"
#include "device/cpu/loop_meetings.hpp"
#include "device/cpu/simd_operations.hpp"

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <string>

namespace anymetal::device::cpu {
namespace {

using Kind = SyncOperation::Kind;

/// The functions that run the threads of one simdgroup.
class SimdgroupEmitter {
 public:
  SimdgroupEmitter(const SplitCoroutine& coroutine, const ThreadFunction& thread, std::uint64_t stride, std::string label)
      : coroutine_(coroutine),
        thread_(thread),
        stride_(stride),
        label_(std::move(label)),
        module_(*coroutine.start->getParent()),
        builder_(module_.getContext()) {}

  llvm::Function* emit_start();
  llvm::Function* emit_advance(const std::vector<SyncSite>& sites, const std::vector<std::vector<ExchangeSlots>>& slots);

 private:
  llvm::Function* begin_function(const char* suffix, llvm::Type* result);
  llvm::Value* frame(llvm::Value* index);
  void emit_member(const SyncSite::Member& member, const ExchangeSlots& slots, llvm::Value* active);
  void emit_tiles(const ExchangeSlots& slots);
  llvm::Value* exchange_at(std::uint64_t offset) {
    return builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), exchange_, offset);
  }

  SplitCoroutine coroutine_;
  ThreadFunction thread_;
  std::uint64_t stride_;
  std::string label_;
  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  llvm::Function* function_ = nullptr;
  llvm::Value* frames_ = nullptr;
  llvm::Value* exchange_ = nullptr;
  llvm::Value* sites_ = nullptr;        ///< of this simdgroup's lanes
  llvm::Value* first_index_ = nullptr;  ///< linear index of lane 0
};

llvm::Function* SimdgroupEmitter::begin_function(const char* suffix, llvm::Type* result) {
  auto* word = builder_.getInt32Ty();
  auto* type = llvm::FunctionType::get(result, {builder_.getPtrTy(), word, word}, false);
  function_ = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, label_ + suffix, module_);
  function_->addFnAttr(llvm::Attribute::NoUnwind);
  builder_.SetInsertPoint(llvm::BasicBlock::Create(module_.getContext(), "entry", function_));
  const GroupContextIr context(builder_, function_->getArg(0));
  frames_ = context.load_pointer(offsetof(GroupContext, frames), "frames");
  exchange_ = context.load_pointer(offsetof(GroupContext, exchange), "exchange");
  first_index_ = builder_.CreateNUWMul(function_->getArg(1), builder_.getInt32(kSimdWidth));
  sites_ = builder_.CreateInBoundsGEP(word, context.load_pointer(offsetof(GroupContext, sites)),
                                      builder_.CreateZExt(first_index_, builder_.getInt64Ty()), "sites");
  return function_;
}

llvm::Value* SimdgroupEmitter::frame(llvm::Value* index) {
  auto* offset = builder_.CreateNUWMul(builder_.CreateZExt(index, builder_.getInt64Ty()), builder_.getInt64(stride_));
  return builder_.CreateInBoundsGEP(builder_.getInt8Ty(), frames_, offset);
}

llvm::Function* SimdgroupEmitter::emit_start() {
  auto* start = begin_function(".start", builder_.getVoidTy());
  const GroupContextIr context(builder_, start->getArg(0));
  const auto pointers = context.thread_arguments(thread_);
  llvm::SmallVector<llvm::Value*, kGeometryCount> sizes;
  context.append_group_geometry(sizes);
  auto* width = sizes[kThreadsPerGroup - kGroup];
  auto* height = sizes[kThreadsPerGroup + 1 - kGroup];
  emit_counted_loop(builder_, start->getArg(2), "lane", [&](llvm::Value* lane) {
    auto* index = builder_.CreateNUWAdd(first_index_, lane);
    auto* row = builder_.CreateUDiv(index, width);
    llvm::SmallVector<llvm::Value*, 48> arguments(pointers);
    arguments.append({builder_.CreateURem(index, width), builder_.CreateURem(row, height),
                      builder_.CreateUDiv(row, height), index});
    arguments.append(sizes.begin(), sizes.end());
    arguments.append({frame(index), builder_.CreateInBoundsGEP(builder_.getInt32Ty(), sites_, lane), exchange_});
    builder_.CreateCall(coroutine_.start, arguments);
  });
  builder_.CreateRetVoid();
  return start;
}

void SimdgroupEmitter::emit_tiles(const ExchangeSlots& slots) {
  auto* row_type = llvm::FixedVectorType::get(builder_.getFloatTy(), 8);
  auto load_row = [&](std::uint64_t tile, unsigned row) {
    return builder_.CreateAlignedLoad(row_type, exchange_at(tile + row * 32), llvm::Align(32));
  };
  Tile b{};
  Tile c{};
  for (unsigned row = 0; row < 8; ++row) {
    b[row] = load_row(slots.operand + 256, row);
    c[row] = load_row(slots.operand + 512, row);
  }
  const auto element = [&](unsigned row, unsigned column) -> llvm::Value* {
    return builder_.CreateLoad(builder_.getFloatTy(), exchange_at(slots.operand + row * 32 + column * 4));
  };
  const auto result = emit_multiply_accumulate(builder_, element, b, c);
  for (unsigned row = 0; row < 8; ++row)
    builder_.CreateAlignedStore(result[row], exchange_at(slots.result + row * 32), llvm::Align(32));
}

void SimdgroupEmitter::emit_member(const SyncSite::Member& member, const ExchangeSlots& slots, llvm::Value* active) {
  const auto& operation = member.operation;
  if (operation.is_barrier()) return;
  if (operation.kind == Kind::MultiplyAccumulate) return emit_tiles(slots);
  const bool is_float = operation.element == SyncOperation::Element::F32;
  auto* type = llvm::FixedVectorType::get(is_float ? builder_.getFloatTy() : builder_.getInt32Ty(), kSimdWidth);
  llvm::Value* values = builder_.CreateAlignedLoad(type, exchange_at(slots.operand), llvm::Align(128));
  llvm::Value* result = values;
  if (operation.kind == Kind::Ballot) result = emit_ballot(builder_, active, builder_.CreateIsNotNull(values));
  if (operation.kind == Kind::Reduce) result = emit_reduction(builder_, operation, active, values);
  if (operation.kind == Kind::InclusiveScan || operation.kind == Kind::ExclusiveScan)
    result = emit_scan(builder_, operation, active, values);
  builder_.CreateStore(result, exchange_at(slots.result));
}

llvm::Function* SimdgroupEmitter::emit_advance(const std::vector<SyncSite>& sites,
                                               const std::vector<std::vector<ExchangeSlots>>& slots) {
  auto* word = builder_.getInt32Ty();
  auto* advance = begin_function("", word);
  auto& context = module_.getContext();
  auto* entry = builder_.GetInsertBlock();
  auto block = [&](const llvm::Twine& name) { return llvm::BasicBlock::Create(context, name, advance); };
  auto* resume = block("resume");
  auto* resume_lane = block("resume.lane");
  auto* meet = block("meet");
  auto* choose = block("choose");
  auto* wait = block("wait");
  builder_.CreateBr(resume);

  builder_.SetInsertPoint(resume);
  auto* mask = builder_.CreatePHI(word, 4, "mask");
  mask->addIncoming(advance->getArg(2), entry);
  builder_.CreateCondBr(builder_.CreateIsNull(mask), meet, resume_lane);

  builder_.SetInsertPoint(resume_lane);
  auto* left = builder_.CreatePHI(word, 2, "left");
  left->addIncoming(mask, resume);
  auto* lane = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, left, builder_.getTrue());
  auto* call = builder_.CreateCall(coroutine_.resume, {frame(builder_.CreateNUWAdd(first_index_, lane))});
  call->setCallingConv(coroutine_.resume->getCallingConv());
  auto* rest = builder_.CreateAnd(left, builder_.CreateSub(left, builder_.getInt32(1)));
  left->addIncoming(rest, resume_lane);
  builder_.CreateCondBr(builder_.CreateIsNull(rest), meet, resume_lane);

  builder_.SetInsertPoint(meet);
  auto* lane_type = llvm::FixedVectorType::get(word, kSimdWidth);
  auto* waiting = builder_.CreateAlignedLoad(lane_type, sites_, llvm::Align(128));
  auto* lowest = builder_.CreateIntMinReduce(waiting, false);
  auto* active = builder_.CreateICmpEQ(waiting, builder_.CreateVectorSplat(kSimdWidth, lowest), "active");
  auto* active_mask = builder_.CreateBitCast(active, word);
  builder_.CreateCondBr(builder_.CreateICmpUGE(lowest, builder_.getInt32(kFirstBarrier)), wait, choose);

  builder_.SetInsertPoint(choose);
  auto* unreachable = block("unreachable");
  auto* branch = builder_.CreateSwitch(lowest, unreachable);
  for (std::size_t i = 0; i < sites.size(); ++i) {
    if (sites[i].id >= kFirstBarrier) continue;
    auto* operate = block("operate");
    branch->addCase(builder_.getInt32(sites[i].id), operate);
    builder_.SetInsertPoint(operate);
    for (std::size_t m = 0; m < slots[i].size(); ++m) emit_member(sites[i].members[m], slots[i][m], active);
    mask->addIncoming(active_mask, builder_.GetInsertBlock());
    builder_.CreateBr(resume);
  }
  builder_.SetInsertPoint(unreachable);
  builder_.CreateUnreachable();
  builder_.SetInsertPoint(wait);
  builder_.CreateRet(lowest);
  return advance;
}

}  // namespace

std::pair<std::vector<std::vector<ExchangeSlots>>, std::uint64_t> assign_exchange(const std::vector<SyncSite>& sites) {
  constexpr std::uint64_t kLanes = 4 * kSimdWidth;
  constexpr std::uint64_t kTile = 256;
  std::vector<std::vector<ExchangeSlots>> slots;
  std::uint64_t needed = 0;
  for (const auto& site : sites) {
    std::uint64_t next = 0;
    auto& members = slots.emplace_back();
    for (const auto& member : site.members) {
      if (member.operation.is_barrier()) {
        members.emplace_back();
        continue;
      }
      const bool tiles = member.operation.kind == Kind::MultiplyAccumulate;
      const auto operand = tiles ? 3 * kTile : kLanes;
      members.push_back({next, 0});
      next += operand;
    }
    needed = std::max(needed, next);
  }
  // Lanes that wait at another site keep their operands while results are handed out: results lie behind all operands.
  const auto results = needed;
  for (std::size_t i = 0; i < sites.size(); ++i) {
    auto next = results;
    for (std::size_t m = 0; m < sites[i].members.size(); ++m) {
      const auto& operation = sites[i].members[m].operation;
      slots[i][m].result = next;
      if (!operation.is_barrier()) next += operation.kind == Kind::MultiplyAccumulate ? kTile : kLanes;
    }
    needed = std::max(needed, next);
  }
  return {std::move(slots), needed};
}

Result<CoroutineCode> emit_coroutine_path(ThreadFunction thread, std::string_view label) {
  add_loop_meetings(*thread.function);
  const auto sites = collect_sync_sites(*thread.function);
  const auto [slots, exchange_bytes] = assign_exchange(sites);
  // The calls are gone once the coroutine is made: from here on only the operations of the sites are used.
  const auto coroutine = make_thread_coroutine(thread, sites, slots);
  const auto split = split_coroutines({coroutine.function}, /*keep_address=*/false).front();
  if (!split.start || !split.resume || split.frame_bytes == 0)
    return fail(ErrorCode::InternalError, "LLVM did not split the thread into a coroutine");
  thread.function = split.start;
  // An odd number of cache lines: the frames of a simdgroup then spread over all sets of the first-level cache.
  const auto stride = ((split.frame_bytes + 63) & ~std::uint64_t{63}) | 64;
  SimdgroupEmitter emitter(split, thread, stride, std::string(label));
  CoroutineCode code;
  code.start = emitter.emit_start();
  code.advance = emitter.emit_advance(sites, slots);
  code.frame_stride = stride;
  code.exchange_bytes = exchange_bytes;
  return code;
}

}  // namespace anymetal::device::cpu
