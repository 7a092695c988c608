#include "device/cuda/converged_lanes.hpp"
#include "device/cuda/nvptx_lowering.hpp"
#include "device/cuda/simdgroup_functions.hpp"
#include "device/cuda/simdgroup_matrix.hpp"

#include <fmt/format.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicsNVPTX.h>
#include <llvm/IR/Module.h>

namespace anymetal::device::cuda {

namespace {

using llvm::CallInst;
using llvm::Value;

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

Result<void> lower_simdgroup_calls(llvm::Function& kernel, unsigned capability) {
  llvm::SmallVector<CallInst*> calls;
  for (auto& block : kernel) {
    for (auto& instruction : block) {
      auto* call = llvm::dyn_cast<CallInst>(&instruction);
      const auto* callee = call == nullptr ? nullptr : call->getCalledFunction();
      if (callee != nullptr && callee->getName().starts_with("__msl_") && callee->getName() != kThreadIndex) calls.push_back(call);
    }
  }
  ConvergentBlocks convergent(kernel);
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
