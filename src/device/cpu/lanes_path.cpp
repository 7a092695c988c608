#include "device/cpu/lanes_path.hpp"

#include <fmt/format.h>
#include <llvm/ADT/PostOrderIterator.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/ADT/ScopeExit.h>
#include <llvm/Analysis/CFG.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <optional>
#include <utility>

#include "device/cpu/code_generator.hpp"
#include "device/cpu/coroutine_thread.hpp"
#include "device/cpu/group_context_ir.hpp"
#include "device/cpu/lane_emitter.hpp"
#include "device/cpu/lane_merging.hpp"
#include "device/cpu/lane_rounds.hpp"
#include "device/cpu/region_origins.hpp"
#include "device/cpu/region_verifier.hpp"
#include "device/cpu/shape_verifier.hpp"
#include "observe/log.hpp"

namespace anymetal::device::cpu {
namespace {

/// Beyond these the compile takes seconds. Most instructions become one vector instruction, those on several components
/// or addresses more, so that the number is known only once they are emitted.
constexpr unsigned kLargestThread = 4000;
constexpr unsigned kLargestSimdgroup = 6000;

constexpr const char* kMightWrap = "its 32-bit indices might wrap around between lanes in buffers of 4 GiB or more";

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
    const auto* fill = llvm::dyn_cast<llvm::MemSetInst>(&instruction);
    return fill && private_variable(fill->getDest()) && shapes.is_partial(fill->getParent());
  });
}

std::string broken(std::string_view violation) {
  return fmt::format("internal error: as vector code it would mean something else: {}", violation);
}

/// Why vector code is not kept, or empty.
std::string too_large(const llvm::Function& simdgroup) {
  const auto count = simdgroup.getInstructionCount();
  if (count <= kLargestSimdgroup) return {};
  return fmt::format("its vector code of {} instructions would take too long to compile", count);
}

/// Where no way leads to an end, nothing says where lanes that have parted meet again.
bool never_ends_somewhere(const llvm::Function& function) {
  llvm::SmallPtrSet<const llvm::BasicBlock*, 16> ending;
  llvm::SmallVector<const llvm::BasicBlock*, 16> open;
  for (const auto& block : function)
    if (llvm::succ_empty(&block)) open.push_back(&block);
  while (!open.empty()) {
    const auto* block = open.pop_back_val();
    if (ending.insert(block).second) open.append(llvm::pred_begin(block), llvm::pred_end(block));
  }
  return ending.size() < function.size();
}

/// Where a thread of a folded threadgroup is, from its index. Vectors are not divided as whole numbers; as floats they
/// are exact: quotients of less than 2^11 are no nearer to the next whole number than half of a divisor's part.
void find_positions(const ThreadFunction& thread) {
  auto& begin = thread.function->getEntryBlock();
  llvm::IRBuilder<> builder(&begin, begin.getFirstNonPHIOrDbgOrAlloca());
  auto* number = builder.getFloatTy();
  const auto divide = [&](llvm::Value* value, llvm::Value* by) {
    auto* middle = builder.CreateFAdd(builder.CreateUIToFP(value, number), llvm::ConstantFP::get(number, 0.5));
    return builder.CreateFPToUI(builder.CreateFDiv(middle, builder.CreateUIToFP(by, number)), builder.getInt32Ty());
  };
  auto* index = thread.geometry(kThreadIndex);
  auto* columns = thread.geometry(kThreadsPerGroup);
  auto* rows = thread.geometry(kThreadsPerGroup + 1);
  auto* row = divide(index, columns);
  auto* z = divide(row, rows);
  thread.geometry(kThread)->replaceAllUsesWith(builder.CreateSub(index, builder.CreateMul(row, columns)));
  thread.geometry(kThread + 1)->replaceAllUsesWith(builder.CreateSub(row, builder.CreateMul(z, rows)));
  thread.geometry(kThread + 2)->replaceAllUsesWith(z);
}

/// Lanes past the end of a row return at once.
void leave_where_rows_end(const ThreadFunction& thread, bool folded) {
  auto& function = *thread.function;
  auto* begin = &function.getEntryBlock();
  auto* inside = begin->splitBasicBlock(begin->getFirstNonPHIOrDbgOrAlloca(), "inside");
  auto* outside = llvm::BasicBlock::Create(function.getContext(), "outside", &function);
  llvm::ReturnInst::Create(function.getContext(), outside);
  begin->getTerminator()->eraseFromParent();
  llvm::IRBuilder<> builder(begin);
  llvm::Value* at = thread.geometry(folded ? kThreadIndex : kThread);
  llvm::Value* end = thread.geometry(kThreadsPerGroup);
  for (unsigned d = 1; folded && d < 3; ++d) end = builder.CreateNUWMul(end, thread.geometry(kThreadsPerGroup + d));
  builder.CreateCondBr(builder.CreateICmpULT(at, end), inside, outside);
}

/// Everything known about the thread function, and what is made from it.
class LanesPath {
 public:
  LanesPath(const ThreadFunction& thread, std::string label, const LanesOptions& options)
      : thread_(thread),
        label_(std::move(label)),
        options_(options),
        module_(*thread.function->getParent()),
        builder_(module_.getContext()),
        flow_(*thread.function),
        suspends_(meets_at_barriers(*thread.function)) {}

  std::string obstacle();
  llvm::Function* emit_simdgroup(const CodeGenerator& generator);
  llvm::Function* emit_start(llvm::Function* simdgroup, std::uint64_t stride);
  llvm::Function* emit_advance(std::uint64_t stride);
  /// What is wrong with the emitted function; empty where nothing is or nobody looked.
  [[nodiscard]] const std::string& violation() const { return violation_; }
  [[nodiscard]] bool suspends() const { return suspends_; }
  [[nodiscard]] const ThreadFlow& flow() const { return flow_; }
  /// Known where there is no obstacle.
  [[nodiscard]] const LaneShapes& shapes() const { return *shapes_; }
  [[nodiscard]] bool relies_on_small_buffers() const { return relies_on_small_buffers_; }

 private:
  void begin_at_first(llvm::Function* function);
  void wrap_in_coroutine(llvm::Function* function, llvm::Value* handle);
  llvm::Value* frame(llvm::Value* context, llvm::Value* simdgroup, std::uint64_t stride);
  llvm::Value* site(llvm::Value* context, llvm::Value* simdgroup);

  const ThreadFunction& thread_;
  std::string label_;
  const LanesOptions& options_;
  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  ThreadFlow flow_;
  std::optional<LaneShapes> shapes_;
  bool suspends_;
  bool relies_on_small_buffers_ = false;
  std::string violation_;
};

std::string LanesPath::obstacle() {
  const llvm::ReversePostOrderTraversal<const llvm::Function*> traversal(thread_.function);
  if (llvm::containsIrreducibleCFG<const llvm::BasicBlock*>(traversal, flow_.loops))
    return "its loops have several entries";
  if (never_ends_somewhere(*thread_.function)) return "a loop of it never ends";
  if (const auto count = thread_.function->getInstructionCount(); count > kLargestThread)
    return fmt::format("its {} instructions would take too long to compile as vector code", count);
  if (auto reason = lanes_obstacle(*thread_.function); !reason.empty()) return reason;
  shapes_.emplace(thread_, flow_, options_.rows);
  if (fills_private_memory_of_some(*thread_.function, *shapes_)) return "a private array is filled in divergent flow";
  return {};
}

llvm::Function* LanesPath::emit_simdgroup(const CodeGenerator& generator) {
  auto& context = module_.getContext();
  auto* pointer = builder_.getPtrTy();
  llvm::SmallVector<llvm::Type*, 48> types(thread_.function->getFunctionType()->params());
  const auto extra = static_cast<unsigned>(types.size());
  types.append({pointer, pointer});
  auto* function = llvm::Function::Create(llvm::FunctionType::get(builder_.getVoidTy(), types, false),
                                          llvm::GlobalValue::InternalLinkage, label_ + ".lanes", module_);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  for (auto& argument : thread_.function->args()) function->getArg(argument.getArgNo())->setName(argument.getName());
  builder_.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  llvm::Value* handle = nullptr;
  if (suspends_) {
    function->setPresplitCoroutine();
    auto* null = llvm::ConstantPointerNull::get(pointer);
    auto* identity = builder_.CreateIntrinsic(llvm::Intrinsic::coro_id, {}, {builder_.getInt32(16), null, null, null});
    handle = builder_.CreateIntrinsic(llvm::Intrinsic::coro_begin, {}, {identity, function->getArg(extra)});
  }
  const auto costs = generator.costs(*function);
  auto* site = function->getArg(extra + 1);
  RegionOrigins origins(context);
  LaneEmitter emitter(thread_, function, site, flow_, *shapes_, costs,
                      options_.any_buffer ? LaneEmitter::Buffers::Any : LaneEmitter::Buffers::Small,
                      options_.verify ? &origins : nullptr);
  emitter.emit();
  relies_on_small_buffers_ = emitter.relies_on_small_buffers();
  if (options_.emitted) options_.emitted(*function);
  if (options_.verify) {
    violation_ = shape_violation(thread_, flow_, *shapes_);
    if (violation_.empty()) violation_ = region_violation(flow_, *shapes_, origins, *function, site);
    origins.strip(*function);
  }
  if (options_.rows.is_group) begin_at_first(function);
  if (suspends_) wrap_in_coroutine(function, handle);
  return function;
}

/// The first thread is the first of the threadgroup: what depends on the place of a lane alone becomes a constant.
void LanesPath::begin_at_first(llvm::Function* function) {
  for (const unsigned which : {kThread + 0U, kThread + 1U, kThread + 2U, kThreadIndex + 0U})
    function->getArg(thread_.geometry(which)->getArgNo())->replaceAllUsesWith(builder_.getInt32(0));
}

void LanesPath::wrap_in_coroutine(llvm::Function* function, llvm::Value* handle) {
  auto& context = module_.getContext();
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

llvm::Value* LanesPath::frame(llvm::Value* context, llvm::Value* simdgroup, std::uint64_t stride) {
  auto* frames = GroupContextIr(builder_, context).load_pointer(offsetof(GroupContext, frames));
  auto* offset =
      builder_.CreateNUWMul(builder_.CreateZExt(simdgroup, builder_.getInt64Ty()), builder_.getInt64(stride));
  return builder_.CreateInBoundsGEP(builder_.getInt8Ty(), frames, offset);
}

llvm::Value* LanesPath::site(llvm::Value* context, llvm::Value* simdgroup) {
  auto* sites = GroupContextIr(builder_, context).load_pointer(offsetof(GroupContext, sites));
  auto* index = builder_.CreateZExt(simdgroup, builder_.getInt64Ty());
  return builder_.CreateInBoundsGEP(builder_.getInt32Ty(), sites, index);
}

llvm::Function* LanesPath::emit_start(llvm::Function* simdgroup_function, std::uint64_t stride) {
  auto& context = module_.getContext();
  auto* word = builder_.getInt32Ty();
  auto* type = llvm::FunctionType::get(builder_.getVoidTy(), {builder_.getPtrTy(), word, word}, false);
  auto* start = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, label_ + ".start", module_);
  start->addFnAttr(llvm::Attribute::NoUnwind);
  builder_.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", start));
  auto* group = start->getArg(0);
  auto* simdgroup = start->getArg(1);
  const GroupContextIr group_context(builder_, group);
  auto arguments = group_context.thread_arguments(thread_);
  llvm::SmallVector<llvm::Value*, kGeometryCount> sizes;
  group_context.append_group_geometry(sizes);
  auto size = [&](unsigned d) { return sizes[kThreadsPerGroup - kGroup + d]; };
  auto* width = builder_.getInt32(options_.rows.width * options_.rows.merged_x);
  if (options_.rows.folded) {
    auto* zero = builder_.getInt32(0);
    arguments.append({zero, zero, zero, builder_.CreateNUWMul(simdgroup, width)});
  } else {
    auto* to_end =
        options_.rows.whole ? size(0) : builder_.CreateNUWAdd(size(0), builder_.getInt32(options_.rows.width - 1));
    auto* in_row = builder_.CreateUDiv(to_end, width);
    auto* x = builder_.CreateNUWMul(builder_.CreateURem(simdgroup, in_row), width);
    auto* row =
        builder_.CreateNUWMul(builder_.CreateUDiv(simdgroup, in_row), builder_.getInt32(options_.rows.merged_y));
    auto* index = builder_.CreateNUWAdd(builder_.CreateNUWMul(row, size(0)), x);
    arguments.append({x, builder_.CreateURem(row, size(1)), builder_.CreateUDiv(row, size(1)), index});
  }
  arguments.append(sizes.begin(), sizes.end());
  arguments.append({frame(group, simdgroup, stride), site(group, simdgroup)});
  builder_.CreateCall(simdgroup_function, arguments);
  builder_.CreateRetVoid();
  // Some thirty arguments, of which a kernel uses a few, would pass through memory for each simdgroup.
  simdgroup_function->addFnAttr(llvm::Attribute::AlwaysInline);
  return start;
}

llvm::Function* LanesPath::emit_advance(std::uint64_t stride) {
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

/// Makes one of threads of several simdgroups; returns why that cannot be done, or empty.
std::string merge(const ThreadFunction& thread, const LanesPath& path, const CodeGenerator& generator,
                  const LaneRows& rows) {
  if (some_lanes_wait(path.flow(), path.shapes())) return "some lanes wait at a barrier, others may not";
  if (auto obstacle = merge_threads(thread, path.flow(), rows); !obstacle.empty()) return obstacle;
  if (rows.is_group) remove_barriers(thread);
  generator.regularise(*thread.function);
  return {};
}

}  // namespace

LanesBody emit_lanes_body(const ThreadFunction& thread, std::string_view label, const CodeGenerator& generator,
                          const LanesOptions& options, LanesLoss loss) {
  std::optional<LanesPath> found(std::in_place, thread, std::string(label), options);
  if (auto obstacle = found->obstacle(); !obstacle.empty()) return {.obstacle = std::move(obstacle)};
  if (auto obstacle = loss(found->flow(), found->shapes()); !obstacle.empty()) return {.obstacle = std::move(obstacle)};
  if (const auto loops = find_counted_rounds(found->flow(), found->shapes()); !loops.empty()) {
    take_whole_rounds_first(thread, loops, options.rows.width);
    found.emplace(thread, std::string(label), options);
    if (auto obstacle = found->obstacle(); !obstacle.empty()) return {.obstacle = std::move(obstacle)};
  }
  auto& path = *found;
  auto* body = path.emit_simdgroup(generator);
  std::string obstacle;
  if (!path.violation().empty()) {
    obstacle = broken(path.violation());
    log::warning(fmt::format("threads of kernel '{}' do not run as vectors: {}", label, obstacle));
  } else if (options.any_buffer && path.relies_on_small_buffers()) {
    obstacle = kMightWrap;
  } else {
    generator.tidy(*body);
    obstacle = too_large(*body);
  }
  if (obstacle.empty()) return {body, path.relies_on_small_buffers()};
  body->eraseFromParent();
  return {.obstacle = std::move(obstacle)};
}

Result<LanesCode> emit_lanes_path(const ThreadFunction& thread, std::string_view label, const CodeGenerator& generator,
                                  const LanesOptions& options) {
  if (options.rows.folded) find_positions(thread);
  if (!options.rows.whole) leave_where_rows_end(thread, options.rows.folded);
  std::optional<LanesPath> found(std::in_place, thread, std::string(label), options);
  LanesCode code;
  code.obstacle = found->obstacle();
  if (!code.obstacle.empty()) return code;
  if (options.rows.merged() > 1) {
    code.obstacle = merge(thread, *found, generator, options.rows);
    if (!code.obstacle.empty()) return code;
    found.emplace(thread, std::string(label), options);
    code.obstacle = found->obstacle();
    if (!code.obstacle.empty()) return code;
  } else if (found->suspends()) {
    code.merging = merging_limits(thread, found->flow(), found->shapes(), generator.costs(*thread.function));
  }
  // In a copy: should it not be kept, the thread is run otherwise.
  auto with_rounds = thread;
  with_rounds.function = nullptr;
  const auto forget = llvm::make_scope_exit([&] {
    if (with_rounds.function) with_rounds.function->eraseFromParent();
  });
  if (auto loops = find_counted_rounds(found->flow(), found->shapes()); !loops.empty()) {
    llvm::ValueToValueMapTy copies;
    with_rounds.function = llvm::CloneFunction(thread.function, copies);
    for (auto& rounds : loops) rounds = in_copy(rounds, copies);
    take_whole_rounds_first(with_rounds, loops, options.rows.width);
    found.emplace(with_rounds, std::string(label), options);
    code.obstacle = found->obstacle();
    if (!code.obstacle.empty()) return code;
  }
  auto& path = *found;
  auto* simdgroup = path.emit_simdgroup(generator);
  if (!path.violation().empty()) {
    simdgroup->eraseFromParent();
    code.obstacle = broken(path.violation());
    code.broken = true;
    return code;
  }
  if (options.any_buffer && path.relies_on_small_buffers()) {
    simdgroup->eraseFromParent();
    code.obstacle = kMightWrap;
    return code;
  }
  generator.tidy(*simdgroup);
  code.obstacle = too_large(*simdgroup);
  if (!code.obstacle.empty()) {
    simdgroup->eraseFromParent();
    return code;
  }
  if (path.suspends()) {
    const auto part = split_coroutines({simdgroup}, /*keep_address=*/true).front();
    if (!part.start || !part.resume || part.frame_bytes == 0)
      return fail(ErrorCode::InternalError, "LLVM did not split the simdgroup into a coroutine");
    code.frame_stride = (part.frame_bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    simdgroup = part.start;
  }
  code.largest_buffer = path.relies_on_small_buffers() ? kLargestLaneBuffer : 0;
  code.start = path.emit_start(simdgroup, code.frame_stride);
  code.advance = path.emit_advance(code.frame_stride);
  thread.function->eraseFromParent();
  return code;
}

}  // namespace anymetal::device::cpu
