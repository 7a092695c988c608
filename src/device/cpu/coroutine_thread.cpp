#include "device/cpu/coroutine_thread.hpp"

#include "device/cpu/kernel_abi.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Transforms/Coroutines/CoroCleanup.h>
#include <llvm/Transforms/Coroutines/CoroEarly.h>
#include <llvm/Transforms/Coroutines/CoroSplit.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>
#include <llvm/Transforms/Utils/LCSSA.h>

#include <string>

namespace anymetal::device::cpu {
namespace {

using Kind = SyncOperation::Kind;

/// What the code around suspensions refers to.
struct Thread {
  llvm::Function* function;
  llvm::Value* site;
  llvm::Value* exchange;
  llvm::Value* lane;         ///< i64
  llvm::Value* tile_offset;  ///< bytes from the start of a tile to this lane's two elements
  llvm::BasicBlock* suspended;
};

llvm::Value* lane_word(llvm::IRBuilder<>& builder, const Thread& thread, std::uint64_t slot, llvm::Value* lane) {
  auto* base = builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), thread.exchange, slot);
  return builder.CreateInBoundsGEP(builder.getInt32Ty(), base, lane);
}

llvm::Value* lane_elements(llvm::IRBuilder<>& builder, const Thread& thread, std::uint64_t slot) {
  auto* base = builder.CreateConstInBoundsGEP1_64(builder.getInt8Ty(), thread.exchange, slot);
  return builder.CreateInBoundsGEP(builder.getInt8Ty(), base, thread.tile_offset);
}

void store_operands(llvm::IRBuilder<>& builder, const Thread& thread, const SyncSite::Member& member,
                    const ExchangeSlots& slots) {
  if (member.operation.is_barrier()) return;
  if (member.operation.kind == Kind::MultiplyAccumulate) {
    for (unsigned i = 0; i < 3; ++i)
      builder.CreateStore(member.call->getArgOperand(i), lane_elements(builder, thread, slots.operand + i * 256));
    return;
  }
  auto* value = member.call->getArgOperand(0);
  if (value->getType()->isIntegerTy(1)) value = builder.CreateZExt(value, builder.getInt32Ty());
  builder.CreateStore(value, lane_word(builder, thread, slots.operand, thread.lane));
}

llvm::Value* load_result(llvm::IRBuilder<>& builder, const Thread& thread, const SyncSite::Member& member,
                         const ExchangeSlots& slots) {
  auto* type = member.call->getType();
  switch (member.operation.kind) {
    case Kind::ThreadgroupBarrier:
    case Kind::SimdgroupBarrier: return nullptr;
    case Kind::MultiplyAccumulate: return builder.CreateLoad(type, lane_elements(builder, thread, slots.result));
    case Kind::Shuffle: {
      auto* source = builder.CreateAnd(member.call->getArgOperand(1), kSimdWidth - 1);
      auto* lane = builder.CreateZExt(source, builder.getInt64Ty());
      return builder.CreateLoad(type, lane_word(builder, thread, slots.result, lane));
    }
    case Kind::Ballot: {
      auto* bits = builder.CreateLoad(builder.getInt32Ty(), lane_word(builder, thread, slots.result, builder.getInt64(0)));
      return builder.CreateZExt(bits, type);
    }
    case Kind::Reduce:
      return builder.CreateLoad(type, lane_word(builder, thread, slots.result, builder.getInt64(0)));
    default: return builder.CreateLoad(type, lane_word(builder, thread, slots.result, thread.lane));
  }
}

/// Stores the operands and the site's number, suspends, and takes the results from the exchange area.
void emit_suspension(const Thread& thread, const SyncSite& site, const std::vector<ExchangeSlots>& slots) {
  auto* last = site.members.back().call;
  auto* resumed = llvm::SplitBlock(last->getParent(), last->getNextNode(), static_cast<llvm::DominatorTree*>(nullptr));
  auto* before = last->getParent();
  llvm::IRBuilder<> builder(before->getTerminator());
  for (std::size_t i = 0; i < slots.size(); ++i) store_operands(builder, thread, site.members[i], slots[i]);
  builder.CreateStore(builder.getInt32(site.id), thread.site);
  auto* none = llvm::ConstantTokenNone::get(builder.getContext());
  auto* outcome = builder.CreateIntrinsic(llvm::Intrinsic::coro_suspend, {}, {none, builder.getFalse()});
  auto* branch = builder.CreateSwitch(outcome, thread.suspended, 1);
  branch->addCase(builder.getInt8(0), resumed);
  before->getTerminator()->eraseFromParent();

  builder.SetInsertPoint(&*resumed->getFirstInsertionPt());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto& member = site.members[i];
    if (auto* result = load_result(builder, thread, member, slots[i])) member.call->replaceAllUsesWith(result);
    member.call->eraseFromParent();
  }
}

/// Byte offset of a lane's two elements in a row-major 8x8 float tile (docs/entry-ir.md).
llvm::Value* tile_offset(llvm::IRBuilder<>& builder, llvm::Value* lane) {
  auto* quad = builder.CreateLShr(lane, 2);
  auto* row = builder.CreateAdd(builder.CreateAnd(quad, 4), builder.CreateAnd(builder.CreateLShr(lane, 1), 3));
  auto* column = builder.CreateAdd(builder.CreateShl(builder.CreateAnd(quad, 2), 1),
                                   builder.CreateShl(builder.CreateAnd(lane, 1), 1));
  return builder.CreateShl(builder.CreateAdd(builder.CreateShl(row, 3), column), 2);
}

}  // namespace

ThreadCoroutine make_thread_coroutine(const ThreadFunction& thread, const std::vector<SyncSite>& sites,
                                      const std::vector<std::vector<ExchangeSlots>>& slots) {
  auto* old = thread.function;
  auto& context = old->getContext();
  auto* pointer = llvm::PointerType::getUnqual(context);
  llvm::SmallVector<llvm::Type*, 48> parameters(old->getFunctionType()->params());
  parameters.append(3, pointer);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), parameters, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, "thread_coroutine", old->getParent());
  function->setPresplitCoroutine();
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->splice(function->begin(), old);
  for (auto& argument : old->args()) {
    function->getArg(argument.getArgNo())->takeName(&argument);
    argument.replaceAllUsesWith(function->getArg(argument.getArgNo()));
  }
  const auto extra = static_cast<unsigned>(old->arg_size());
  auto* index = function->getArg(thread.argument_count + 1 + kThreadIndex);
  old->eraseFromParent();

  auto* entry = llvm::BasicBlock::Create(context, "begin", function, &function->getEntryBlock());
  llvm::IRBuilder<> builder(entry);
  auto* null = llvm::ConstantPointerNull::get(pointer);
  auto* identity = builder.CreateIntrinsic(llvm::Intrinsic::coro_id, {}, {builder.getInt32(16), null, null, null});
  auto* handle = builder.CreateIntrinsic(llvm::Intrinsic::coro_begin, {}, {identity, function->getArg(extra)});
  auto* lane = builder.CreateAnd(builder.CreateZExt(index, builder.getInt64Ty()), kSimdWidth - 1, "lane");
  auto* suspended = llvm::BasicBlock::Create(context, "suspended", function);
  const Thread body{function, function->getArg(extra + 1), function->getArg(extra + 2), lane, tile_offset(builder, lane),
                    suspended};
  builder.CreateBr(entry->getNextNode());

  llvm::SmallVector<llvm::ReturnInst*, 4> returns;
  for (auto& block : *function)
    if (auto* back = llvm::dyn_cast_or_null<llvm::ReturnInst>(block.getTerminator())) returns.push_back(back);
  for (auto* back : returns) {
    builder.SetInsertPoint(back);
    builder.CreateStore(builder.getInt32(kReturned), body.site);
    builder.CreateBr(suspended);
    back->eraseFromParent();
  }
  builder.SetInsertPoint(suspended);
  builder.CreateIntrinsic(llvm::Intrinsic::coro_end, {},
                          {handle, builder.getFalse(), llvm::ConstantTokenNone::get(context)});
  builder.CreateRetVoid();
  for (std::size_t i = 0; i < sites.size(); ++i) emit_suspension(body, sites[i], slots[i]);
  return {function, extra};
}

namespace {

/// What is computed again behind a suspension, instead of being kept: vectors only where one other has to be kept for
/// it. A sum would be made again from all that it was made of, which had to be kept in every round of its loop.
bool is_made_again(llvm::Instruction& instruction) {
  if (!llvm::isa<llvm::CastInst, llvm::GetElementPtrInst, llvm::BinaryOperator, llvm::CmpInst, llvm::SelectInst>(
          instruction))
    return false;
  const auto made_of = llvm::count_if(instruction.operands(), [](const llvm::Use& operand) {
    return !llvm::isa<llvm::Constant>(operand.get());
  });
  return !instruction.getType()->isVectorTy() || made_of == 1;
}

/// Vectors that leave a loop are kept behind it, once, and not in every round where they are made. LLVM's splitting
/// passes by phis that only name a value again, and has to be given an instruction.
struct KeepBehindLoops : llvm::PassInfoMixin<KeepBehindLoops> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager& analyses) {
    if (!function.isPresplitCoroutine()) return llvm::PreservedAnalyses::all();
    llvm::LCSSAPass().run(function, analyses);
    for (auto& block : function)
      for (auto& phi : block.phis()) {
        if (phi.getNumIncomingValues() != 1 || !phi.getType()->isVectorTy()) continue;
        auto* name = new llvm::FreezeInst(&phi, "", block.getFirstInsertionPt());
        phi.replaceUsesWithIf(name, [&](const llvm::Use& use) { return use.getUser() != name; });
      }
    return llvm::PreservedAnalyses::none();
  }
};

SplitCoroutine parts_of(llvm::Module& module, const std::string& name, bool keep_address) {
  SplitCoroutine split;
  split.start = module.getFunction(name);
  split.start->setLinkage(llvm::GlobalValue::InternalLinkage);
  split.resume = module.getFunction(name + ".resume");
  // Never destroyed: those functions are not reached through their addresses in the frame.
  if (auto* resumers = module.getNamedGlobal(name + ".resumers")) resumers->eraseFromParent();
  for (const char* part : {".resume", ".destroy", ".cleanup"})
    if (auto* clone = module.getFunction(name + part)) {
      if (clone != split.resume || !keep_address)
        clone->replaceAllUsesWith(llvm::ConstantPointerNull::get(clone->getType()));
      if (clone != split.resume) clone->eraseFromParent();
    }
  if (auto* frame = llvm::StructType::getTypeByName(module.getContext(), name + ".Frame"))
    split.frame_bytes = module.getDataLayout().getTypeAllocSize(frame);
  return split;
}

}  // namespace

std::vector<SplitCoroutine> split_coroutines(const std::vector<llvm::Function*>& functions, bool keep_address) {
  auto& module = *functions.front()->getParent();
  std::vector<std::string> names;
  for (auto* function : functions) {
    names.push_back(function->getName().str());
    function->setLinkage(llvm::GlobalValue::ExternalLinkage);  // the splitting pass visits what may be called
  }
  llvm::LoopAnalysisManager loop_analyses;
  llvm::FunctionAnalysisManager function_analyses;
  llvm::CGSCCAnalysisManager scc_analyses;
  llvm::ModuleAnalysisManager module_analyses;
  llvm::PassBuilder passes;
  passes.registerModuleAnalyses(module_analyses);
  passes.registerCGSCCAnalyses(scc_analyses);
  passes.registerFunctionAnalyses(function_analyses);
  passes.registerLoopAnalyses(loop_analyses);
  passes.crossRegisterProxies(loop_analyses, function_analyses, scc_analyses, module_analyses);
  llvm::ModulePassManager pipeline;
  pipeline.addPass(llvm::CoroEarlyPass());
  pipeline.addPass(llvm::createModuleToFunctionPassAdaptor(KeepBehindLoops()));
  pipeline.addPass(llvm::createModuleToPostOrderCGSCCPassAdaptor(
      llvm::CoroSplitPass(is_made_again, /*OptimizeFrame=*/true)));
  pipeline.addPass(llvm::CoroCleanupPass());
  pipeline.run(module, module_analyses);
  std::vector<SplitCoroutine> parts;
  for (const auto& name : names) parts.push_back(parts_of(module, name, keep_address));
  return parts;
}

}  // namespace anymetal::device::cpu
