#include "device/cuda/nvptx_lowering.hpp"
#include "device/cuda/simdgroup_functions.hpp"
#include "device/cuda/simdgroup_matrix.hpp"

#include <fmt/format.h>
#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/Analysis/PostDominators.h>
#include <llvm/Analysis/UniformityAnalysis.h>
#include <llvm/IR/CFG.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicsNVPTX.h>
#include <llvm/IR/Module.h>

namespace anymetal::device::cuda {

namespace {

using llvm::BasicBlock;
using llvm::CallInst;
using llvm::Value;

bool needs_mask(llvm::StringRef name) {
  return name.starts_with("__msl_simd_") || name.starts_with("__msl_simdgroup_");
}

bool is_synchronising(const BasicBlock& block) {
  for (const auto& instruction : block) {
    const auto* call = llvm::dyn_cast<CallInst>(&instruction);
    if (call != nullptr && call->getCalledFunction() != nullptr && needs_mask(call->getCalledFunction()->getName())) return true;
  }
  return false;
}

/// Finds the blocks that every lane still running reaches together. Elsewhere (`if (lane < 16) x = simd_sum(x)`) a call
/// takes the lanes that are together at that moment.
class ConvergentBlocks {
 public:
  ConvergentBlocks(llvm::Function& kernel, llvm::FunctionAnalysisManager& analyses)
      : post_dominators_(analyses.getResult<llvm::PostDominatorTreeAnalysis>(kernel)) {
    auto& uniformity = analyses.getResult<llvm::UniformityInfoAnalysis>(kernel);
    for (auto& block : kernel) {
      const auto* terminator = block.getTerminator();
      if (terminator->getNumSuccessors() > 1 && uniformity.hasDivergentTerminator(block)) divergent_.push_back(&block);
      if (is_synchronising(block)) synchronising_.push_back(&block);
    }
  }

  /// True where lanes that leave `block`'s way at any divergent branch either come back first or only return.
  bool contains(const BasicBlock& block) {
    for (const auto* branch : divergent_) {
      const auto& from = reachable(*branch);
      if (!from.contains(&block)) continue;
      for (const auto* successor : llvm::successors(branch)) {
        if (post_dominators_.dominates(&block, successor)) continue;
        const auto& beyond = reachable(*successor);
        const bool only_returns = std::none_of(synchronising_.begin(), synchronising_.end(), [&](const BasicBlock* other) {
          return other == successor || beyond.contains(other);
        });
        if (!only_returns) return false;
      }
    }
    return true;
  }

 private:
  using Set = llvm::SmallPtrSet<const BasicBlock*, 16>;
  /// Blocks reachable from `start` by at least one edge.
  const Set& reachable(const BasicBlock& start) {
    auto [entry, added] = reachable_.try_emplace(&start);
    if (!added) return *entry->second;
    auto set = std::make_unique<Set>();
    llvm::SmallVector<const BasicBlock*> work(llvm::successors(&start));
    while (!work.empty()) {
      const auto* block = work.pop_back_val();
      if (set->insert(block).second) work.append(llvm::succ_begin(block), llvm::succ_end(block));
    }
    reachable_[&start] = std::move(set);
    return *reachable_[&start];
  }

  llvm::PostDominatorTree& post_dominators_;
  llvm::SmallVector<const BasicBlock*> divergent_;
  llvm::SmallVector<const BasicBlock*> synchronising_;
  llvm::DenseMap<const BasicBlock*, std::unique_ptr<Set>> reachable_;
};

Value* active_mask(llvm::IRBuilder<>& b) {
  auto* type = llvm::FunctionType::get(b.getInt32Ty(), false);
  auto* call = b.CreateCall(type, llvm::InlineAsm::get(type, "activemask.b32 $0;", "=r", true));
  call->addFnAttr(llvm::Attribute::Convergent);
  return call;
}

std::optional<llvm::Intrinsic::ID> approximation(llvm::StringRef name) {
  if (name == "__msl_fast_exp2") return llvm::Intrinsic::nvvm_ex2_approx_f;
  if (name == "__msl_fast_log2") return llvm::Intrinsic::nvvm_lg2_approx_f;
  if (name == "__msl_fast_rcp") return llvm::Intrinsic::nvvm_rcp_approx_ftz_f;
  if (name == "__msl_fast_rsqrt") return llvm::Intrinsic::nvvm_rsqrt_approx_f;
  if (name == "__msl_fast_sin") return llvm::Intrinsic::nvvm_sin_approx_f;
  if (name == "__msl_fast_cos") return llvm::Intrinsic::nvvm_cos_approx_f;
  return std::nullopt;
}

/// `thread_scope`: thread 0, simdgroup 1, threadgroup 2, device 3, system 4.
llvm::Intrinsic::ID fence_id(const Value* scope) {
  const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(scope);
  const std::uint64_t value = constant == nullptr ? 3 : constant->getZExtValue();
  if (value <= 2) return llvm::Intrinsic::nvvm_membar_cta;
  return value == 3 ? llvm::Intrinsic::nvvm_membar_gl : llvm::Intrinsic::nvvm_membar_sys;
}

/// `__msl_simdgroup_multiply_accumulate_A_B`: tensor cores where both inputs are exact in one 16-bit type.
std::optional<MatrixInput> matrix_input(llvm::StringRef name, unsigned capability) {
  if (!name.consume_front("__msl_simdgroup_multiply_accumulate_")) return std::nullopt;
  if (name == "f16_f16" && capability >= 75) return MatrixInput::F16;
  if (name == "bf16_bf16" && capability >= 80) return MatrixInput::Bf16;
  return MatrixInput::F32;
}

Value* replacement(llvm::IRBuilder<>& b, CallInst& call, llvm::StringRef name, ConvergentBlocks& convergent,
                   unsigned capability) {
  auto& module = *call.getModule();
  if (name == "__msl_threadgroup_barrier") {
    return b.CreateCall(llvm::Intrinsic::getDeclaration(&module, llvm::Intrinsic::nvvm_barrier0));
  }
  if (name == "__msl_fence") {
    return b.CreateCall(llvm::Intrinsic::getDeclaration(&module, fence_id(call.getArgOperand(1))));
  }
  if (const auto id = approximation(name)) {
    return b.CreateCall(llvm::Intrinsic::getDeclaration(&module, *id), {call.getArgOperand(0)});
  }
  const auto mask = [&]() -> Value* {
    return convergent.contains(*call.getParent()) ? b.getInt32(~0U) : active_mask(b);
  };
  if (name == "__msl_simdgroup_barrier") {
    return b.CreateCall(llvm::Intrinsic::getDeclaration(&module, llvm::Intrinsic::nvvm_bar_warp_sync), {mask()});
  }
  if (const auto input = matrix_input(name, capability)) {
    return emit_multiply_accumulate(b, module, *input, call.getArgOperand(0), call.getArgOperand(1), call.getArgOperand(2));
  }
  auto* callee = simdgroup_function(module, name, capability);
  if (callee == nullptr) return nullptr;
  llvm::SmallVector<Value*> arguments(call.args());
  arguments.push_back(mask());
  return b.CreateCall(callee, arguments);
}

}  // namespace

Result<void> lower_simdgroup_calls(llvm::Function& kernel, llvm::FunctionAnalysisManager& analyses, unsigned capability) {
  llvm::SmallVector<CallInst*> calls;
  for (auto& block : kernel) {
    for (auto& instruction : block) {
      auto* call = llvm::dyn_cast<CallInst>(&instruction);
      if (call != nullptr && call->getCalledFunction() != nullptr && call->getCalledFunction()->getName().starts_with("__msl_")) {
        calls.push_back(call);
      }
    }
  }
  ConvergentBlocks convergent(kernel, analyses);
  for (auto* call : calls) {
    llvm::IRBuilder<> b(call);
    const llvm::StringRef name = call->getCalledFunction()->getName();
    Value* value = replacement(b, *call, name, convergent, capability);
    if (value == nullptr) {
      return fail(ErrorCode::InternalError, fmt::format("no NVIDIA lowering for '{}'", name.str()));
    }
    call->replaceAllUsesWith(value);
  }
  for (auto* call : calls) call->eraseFromParent();
  return {};
}

}  // namespace anymetal::device::cuda
