#include "device/cuda/nvptx_lowering.hpp"

#include <fmt/format.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicsNVPTX.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <algorithm>
#include <array>

namespace anymetal::device::cuda {

namespace {

constexpr unsigned kGlobal = 1;
constexpr unsigned kShared = 3;
constexpr std::uint32_t kMostThreads = 1024;  ///< of a threadgroup, on every architecture

using llvm::Value;

/// Shared memory whose length the launch decides; every dynamic threadgroup argument lies in it, and threadgroup variables
/// that are too much for static shared memory.
llvm::GlobalVariable* dynamic_shared(llvm::Module& module) {
  constexpr const char* kName = "msl_dynamic_threadgroup";
  if (auto* existing = module.getNamedGlobal(kName)) return existing;
  auto* type = llvm::ArrayType::get(llvm::Type::getInt8Ty(module.getContext()), 0);
  auto* global = new llvm::GlobalVariable(module, type, false, llvm::GlobalValue::ExternalLinkage, nullptr, kName, nullptr,
                                          llvm::GlobalValue::NotThreadLocal, kShared);
  global->setAlignment(llvm::Align(16));
  return global;
}

/// `__msl_threadgroup_address(p)`: where in shared memory `p` points, as PTX's instructions on shared memory take it.
void answer_threadgroup_addresses(llvm::Module& module) {
  auto* query = module.getFunction("__msl_threadgroup_address");
  if (query == nullptr) return;
  for (auto* user : llvm::make_early_inc_range(query->users())) {
    auto* call = llvm::cast<llvm::CallInst>(user);
    llvm::IRBuilder<> b(call);
    auto* shared = b.CreateAddrSpaceCast(call->getArgOperand(0), b.getPtrTy(kShared));
    call->replaceAllUsesWith(b.CreatePtrToInt(shared, call->getType()));
    call->eraseFromParent();
  }
  query->eraseFromParent();
}

llvm::SmallVector<llvm::GlobalVariable*> threadgroup_globals(llvm::Module& module) {
  llvm::SmallVector<llvm::GlobalVariable*> globals;
  for (auto& global : module.globals()) {
    if (global.getSection() == "msl.threadgroup") globals.push_back(&global);
  }
  return globals;
}

/// One after the other at the start of dynamic shared memory.
void move_threadgroup_globals_to_dynamic(llvm::Module& module) {
  auto* area = dynamic_shared(module);
  auto* byte = llvm::Type::getInt8Ty(module.getContext());
  std::uint64_t end = 0;
  for (auto* global : threadgroup_globals(module)) {
    if (global->use_empty()) continue;
    const llvm::Align alignment(std::max<std::uint64_t>(16, global->getAlign().valueOrOne().value()));
    area->setAlignment(std::max(*area->getAlign(), alignment));
    const auto offset = llvm::alignTo(end, alignment);
    end = offset + module.getDataLayout().getTypeAllocSize(global->getValueType()).getFixedValue();
    auto* place = llvm::ConstantExpr::getGetElementPtr(byte, area, llvm::ConstantInt::get(llvm::Type::getInt64Ty(module.getContext()), offset));
    global->replaceAllUsesWith(llvm::ConstantExpr::getAddrSpaceCast(place, global->getType()));
    global->eraseFromParent();
  }
}

void move_threadgroup_globals(llvm::Module& module) {
  for (auto* global : threadgroup_globals(module)) {
    auto* moved = new llvm::GlobalVariable(module, global->getValueType(), false, llvm::GlobalValue::InternalLinkage,
                                           llvm::UndefValue::get(global->getValueType()), "", global,
                                           llvm::GlobalValue::NotThreadLocal, kShared);
    moved->takeName(global);
    moved->setAlignment(llvm::Align(std::max<std::uint64_t>(16, global->getAlign().valueOrOne().value())));
    global->replaceAllUsesWith(llvm::ConstantExpr::getAddrSpaceCast(moved, global->getType()));
    global->eraseFromParent();
  }
}

/// Values a kernel can ask for, made in its entry block on demand.
class Positions {
 public:
  explicit Positions(llvm::Function& kernel, unsigned own_parameters, const LaunchedThreadgroups& threadgroups)
      : kernel_(kernel), own_parameters_(own_parameters), threadgroups_(threadgroups), b_(kernel.getContext()) {}

  /// Emits the guard that ends the threads an edge threadgroup clipped in x does not have; the body starts after it.
  void emit_clip_guard() {
    auto& entry = kernel_.getEntryBlock();
    auto* body = llvm::SplitBlock(&entry, entry.getFirstNonPHIOrDbgOrAlloca());
    auto* outside = llvm::BasicBlock::Create(kernel_.getContext(), "outside", &kernel_, body);
    llvm::ReturnInst::Create(kernel_.getContext(), outside);
    entry.getTerminator()->eraseFromParent();
    b_.SetInsertPoint(&entry);
    auto* branch = b_.CreateCondBr(b_.CreateICmpUGE(thread(0), threadgroups_.wider == 1 ? remaining_x() : size(0)), outside, body);
    b_.SetInsertPoint(branch);
  }

  /// Where values are made from now on.
  void set_insert_point(llvm::Instruction* at) { b_.SetInsertPoint(at); }

  Value* of(llvm::StringRef name, unsigned dim) {
    if (name == "thread_position_in_threadgroup") return thread(dim);
    if (name == "threadgroup_position_in_grid") return group(dim);
    if (name == "dispatch_threads_per_threadgroup") return parameter(6 + dim);
    if (name == "threadgroups_per_grid") return parameter(9 + dim);
    if (name == "threads_per_grid") return parameter(dim);
    if (name == "threads_per_threadgroup") return size(dim);
    if (name == "threadgroups_are_merged") return are_merged();
    if (name == "thread_index_in_threadgroup") return index();
    if (name == "thread_index_in_simdgroup") return b_.CreateAnd(index(), b_.getInt32(31));
    if (name == "simdgroup_index_in_threadgroup") return b_.CreateLShr(index(), b_.getInt32(5));
    return nullptr;
  }

  /// x + y * width + z * width * height.
  Value* computed_index() {
    Value* yz = b_.CreateAdd(thread(1), b_.CreateMul(size(1), thread(2)));
    return b_.CreateAdd(thread(0), b_.CreateMul(size(0), yz));
  }

 private:
  Value* special(llvm::Intrinsic::ID id) {
    return b_.CreateCall(llvm::Intrinsic::getDeclaration(kernel_.getParent(), id));
  }
  Value* thread(unsigned dim) {
    static constexpr llvm::Intrinsic::ID ids[] = {llvm::Intrinsic::nvvm_read_ptx_sreg_tid_x,
                                                  llvm::Intrinsic::nvvm_read_ptx_sreg_tid_y,
                                                  llvm::Intrinsic::nvvm_read_ptx_sreg_tid_z};
    return special(ids[dim]);
  }
  Value* group(unsigned dim) {
    static constexpr llvm::Intrinsic::ID ids[] = {llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_x,
                                                  llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_y,
                                                  llvm::Intrinsic::nvvm_read_ptx_sreg_ctaid_z};
    Value* launched = special(ids[dim]);
    const unsigned step = threadgroups_.step[dim], merged = std::array{threadgroups_.across, threadgroups_.down, 1U}[dim];
    if (threadgroups_.wider != 1 && merged != step) {
      launched = b_.CreateMul(launched, b_.CreateSelect(are_merged(), b_.getInt32(merged), b_.getInt32(step)));
    } else if (step != 1) {
      launched = b_.CreateMul(launched, b_.getInt32(step));
    }
    return b_.CreateAdd(launched, parameter(3 + dim));
  }
  Value* size(unsigned dim) {
    static constexpr llvm::Intrinsic::ID ids[] = {llvm::Intrinsic::nvvm_read_ptx_sreg_ntid_x,
                                                  llvm::Intrinsic::nvvm_read_ptx_sreg_ntid_y,
                                                  llvm::Intrinsic::nvvm_read_ptx_sreg_ntid_z};
    Value* launched = special(ids[dim]);
    if (dim != 0) return launched;
    auto* clipped = b_.CreateBinaryIntrinsic(llvm::Intrinsic::umin, launched, remaining_x());
    return threadgroups_.wider == 1 ? clipped : b_.CreateSelect(are_merged(), launched, clipped);
  }
  /// Only a merged threadgroup has more threads than the dispatch says.
  Value* are_merged() {
    if (threadgroups_.wider == 1) return b_.getFalse();
    return b_.CreateICmpUGT(special(llvm::Intrinsic::nvvm_read_ptx_sreg_ntid_x), parameter(6));
  }
  /// Threads of the grid from this threadgroup's first one on, in x.
  Value* remaining_x() { return b_.CreateSub(parameter(0), b_.CreateMul(group(0), parameter(6))); }
  /// One call for all uses, for lower_thread_index to replace.
  Value* index() {
    if (index_ == nullptr) {
      auto callee = kernel_.getParent()->getOrInsertFunction(kThreadIndex, b_.getInt32Ty());
      index_ = b_.CreateCall(callee);
      index_->setDoesNotAccessMemory();
      index_->setDoesNotThrow();
    }
    return index_;
  }
  Value* parameter(unsigned i) { return kernel_.getArg(own_parameters_ + i); }

  llvm::Function& kernel_;
  unsigned own_parameters_;
  LaunchedThreadgroups threadgroups_;
  llvm::IRBuilder<> b_;
  llvm::CallInst* index_ = nullptr;
};

llvm::Type* parameter_type(llvm::LLVMContext& context, ParameterSlot::Kind kind) {
  switch (kind) {
    case ParameterSlot::Kind::SharedOffset: return llvm::Type::getInt32Ty(context);
    case ParameterSlot::Kind::Value: return llvm::PointerType::get(context, 0);
    case ParameterSlot::Kind::Address: break;
  }
  return llvm::PointerType::get(context, kGlobal);
}

/// The bytes behind parameter `index` are the parameter itself.
void pass_by_value(llvm::Function& kernel, unsigned index, const ParameterSlot& slot) {
  auto& context = kernel.getContext();
  kernel.addParamAttr(index, llvm::Attribute::getWithByValType(
                                 context, llvm::ArrayType::get(llvm::Type::getInt8Ty(context), slot.size)));
  kernel.addParamAttr(index, llvm::Attribute::getWithAlignment(context, llvm::Align(slot.alignment)));
  kernel.addParamAttr(index, llvm::Attribute::ReadOnly);
}

llvm::Function* make_kernel(llvm::Function& entry, const ParameterLayout& layout, const std::string& name) {
  auto& context = entry.getContext();
  auto* i32 = llvm::Type::getInt32Ty(context);
  llvm::SmallVector<llvm::Type*> parameters;
  for (const auto& slot : layout.slots()) parameters.push_back(parameter_type(context, slot.kind));
  parameters.append(kLaunchParameterCount, i32);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), parameters, false);
  auto* kernel = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, entry.getParent());
  kernel->setCallingConv(llvm::CallingConv::PTX_Kernel);
  kernel->addFnAttr(llvm::Attribute::NoUnwind);

  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", kernel));
  llvm::SmallVector<Value*> arguments;
  for (unsigned i = 0; i < layout.slots().size(); ++i) {
    Value* own = kernel->getArg(i);
    const auto& slot = layout.slots()[i];
    if (slot.kind == ParameterSlot::Kind::Value) pass_by_value(*kernel, i, slot);
    if (slot.kind == ParameterSlot::Kind::SharedOffset) {
      own = b.CreateGEP(b.getInt8Ty(), dynamic_shared(*entry.getParent()), own);
    }
    arguments.push_back(b.CreateAddrSpaceCast(own, b.getPtrTy()));
  }
  auto* call = b.CreateCall(&entry, arguments);
  call->setCallingConv(entry.getCallingConv());
  b.CreateRetVoid();
  llvm::InlineFunctionInfo info;
  llvm::InlineFunction(*call, info);
  return kernel;
}

void annotate_kernel(llvm::Function& kernel, const msl::EntryReflection& reflection, const LaunchedThreadgroups& threadgroups) {
  auto& context = kernel.getContext();
  auto* metadata = kernel.getParent()->getOrInsertNamedMetadata("nvvm.annotations");
  const auto add = [&](const char* what, std::uint32_t value) {
    auto* constant = llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), value);
    metadata->addOperand(llvm::MDNode::get(context, {llvm::ValueAsMetadata::get(&kernel), llvm::MDString::get(context, what),
                                                     llvm::ValueAsMetadata::get(constant)}));
  };
  add("kernel", 1);
  // Without the attribute registers are left to ptxas, and the pipeline reports how many threads fit. With it they must:
  // 1024 of them with at most 64 registers each.
  if (reflection.declares_max_total_threads)
    add("maxntidx", std::min(reflection.max_total_threads * threadgroups.wider, kMostThreads));
}

Result<void> lower_positions(llvm::Function& kernel, unsigned own_parameters, const LaunchedThreadgroups& threadgroups) {
  Positions positions(kernel, own_parameters, threadgroups);
  positions.emit_clip_guard();
  llvm::DenseMap<std::pair<llvm::Function*, unsigned>, Value*> made;
  for (auto& callee : llvm::make_early_inc_range(*kernel.getParent())) {
    llvm::StringRef name = callee.getName();
    if (!name.consume_front("__msl_")) continue;
    for (auto* user : llvm::make_early_inc_range(callee.users())) {
      auto* call = llvm::dyn_cast<llvm::CallInst>(user);
      if (call == nullptr || call->getFunction() != &kernel) continue;
      unsigned dim = 0;
      if (call->arg_size() == 1) {
        const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(call->getArgOperand(0));
        if (constant == nullptr || constant->getZExtValue() > 2) continue;
        dim = static_cast<unsigned>(constant->getZExtValue());
      }
      auto& value = made[{&callee, dim}];
      if (value == nullptr) value = positions.of(name, dim);
      if (value == nullptr) break;
      if (value == call) continue;
      call->replaceAllUsesWith(value);
      call->eraseFromParent();
    }
  }
  return {};
}

}  // namespace

void lower_thread_index(llvm::Function& kernel, unsigned own_parameters, const LaunchedThreadgroups& threadgroups) {
  auto* callee = kernel.getParent()->getFunction(kThreadIndex);
  if (callee == nullptr) return;
  Positions positions(kernel, own_parameters, threadgroups);
  for (auto* user : llvm::make_early_inc_range(callee->users())) {
    auto* call = llvm::cast<llvm::CallInst>(user);
    positions.set_insert_point(call);
    call->replaceAllUsesWith(positions.computed_index());
    call->eraseFromParent();
  }
}

LaunchedThreadgroups take_launched_threadgroups(llvm::Module& module) {
  LaunchedThreadgroups asked;
  const auto take = [&](const char* name, std::initializer_list<unsigned*> numbers) {
    auto* function = module.getFunction(name);
    if (function == nullptr) return;
    for (auto* user : llvm::make_early_inc_range(function->users())) {
      auto* call = llvm::cast<llvm::CallInst>(user);
      unsigned i = 0;
      for (unsigned* number : numbers) *number = static_cast<unsigned>(llvm::cast<llvm::ConstantInt>(call->getArgOperand(i++))->getZExtValue());
      call->eraseFromParent();
    }
    function->eraseFromParent();
  };
  take("__msl_take_every_threadgroup", {&asked.step[0], &asked.step[1], &asked.step[2]});
  take("__msl_merge_threadgroups", {&asked.across, &asked.down, &asked.wider, &asked.least});
  return asked;
}

Result<llvm::Function*> lower_entry(msl::SpecialisedKernel& kernel, const ParameterLayout& layout,
                                    const std::string& kernel_name, const LaunchedThreadgroups& threadgroups) {
  auto& module = *kernel.module;
  auto* entry = module.getFunction(kernel.symbol);
  if (entry == nullptr || entry->isDeclaration()) {
    return fail(ErrorCode::InternalError, fmt::format("the module has no entry function '{}'", kernel.symbol));
  }
  answer_threadgroup_addresses(module);
  if (layout.own_shared_bytes() > 0) move_threadgroup_globals_to_dynamic(module);
  move_threadgroup_globals(module);
  entry->setLinkage(llvm::GlobalValue::InternalLinkage);
  entry->removeFnAttr(llvm::Attribute::NoInline);
  entry->removeFnAttr(llvm::Attribute::OptimizeNone);
  auto* made = make_kernel(*entry, layout, kernel_name);
  entry->eraseFromParent();
  annotate_kernel(*made, kernel.reflection, threadgroups);
  if (auto done = lower_positions(*made, static_cast<unsigned>(kernel.reflection.arguments.size()), threadgroups); !done) {
    return std::unexpected(done.error());
  }
  return made;
}

}  // namespace anymetal::device::cuda
