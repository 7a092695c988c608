#include "msl/ir_checks.hpp"

#include <fmt/format.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>
#include <llvm/TargetParser/Triple.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace anymetal::msl {
namespace {

/// Functions on values, and what the compiler notes for itself.
bool is_portable(const llvm::Function& intrinsic) {
  namespace id = llvm::Intrinsic;
  static const std::set<id::ID> kPortable = {
      id::abs, id::assume, id::bitreverse, id::bswap, id::canonicalize, id::ceil, id::copysign, id::cos, id::ctlz,
      id::ctpop, id::cttz, id::donothing, id::exp, id::exp2, id::exp10, id::expect, id::fabs, id::floor, id::fma,
      id::fmuladd, id::frexp, id::fshl, id::fshr, id::fptosi_sat, id::fptoui_sat, id::invariant_end,
      id::invariant_start, id::is_constant, id::is_fpclass, id::launder_invariant_group, id::ldexp, id::lifetime_end,
      id::lifetime_start, id::log, id::log10, id::log2, id::lrint, id::llrint, id::lround, id::llround,
      id::masked_load, id::masked_store, id::maximum, id::maxnum, id::memcpy, id::memcpy_inline, id::memmove,
      id::memset, id::memset_inline, id::minimum, id::minnum, id::nearbyint, id::objectsize, id::pow, id::prefetch, id::powi,
      id::rint, id::round, id::roundeven, id::sadd_sat, id::sadd_with_overflow, id::scmp, id::sin, id::smax,
      id::smin, id::smul_with_overflow, id::sqrt, id::sshl_sat, id::ssub_sat, id::ssub_with_overflow,
      id::stackrestore, id::stacksave, id::tan, id::trunc, id::uadd_sat, id::uadd_with_overflow, id::ucmp, id::umax,
      id::umin, id::umul_with_overflow, id::ushl_sat, id::usub_sat, id::usub_with_overflow, id::vector_reduce_add,
      id::vector_reduce_and, id::vector_reduce_fadd, id::vector_reduce_fmax, id::vector_reduce_fmaximum,
      id::vector_reduce_fmin, id::vector_reduce_fminimum, id::vector_reduce_fmul, id::vector_reduce_mul,
      id::vector_reduce_or, id::vector_reduce_smax, id::vector_reduce_smin, id::vector_reduce_umax,
      id::vector_reduce_umin, id::vector_reduce_xor, id::experimental_noalias_scope_decl};
  return kPortable.contains(intrinsic.getIntrinsicID());
}

/// What an instruction has that no device takes; empty for all others. The library's own header for NVIDIA GPUs uses these
/// devices' instructions and address spaces.
std::string fault_of(const llvm::Instruction& instruction, bool for_nvidia) {
  constexpr unsigned kWidestVector = 128;
  constexpr unsigned kWidestInteger = 1024;
  const llvm::Type* type = instruction.getType();
  if (const auto* vector = llvm::dyn_cast<llvm::VectorType>(type)) {
    if (vector->getElementCount().isScalable() || vector->getElementCount().getFixedValue() > kWidestVector) return "a vector of too many components";
  }
  if (type->getScalarType()->isIntegerTy() && type->getScalarSizeInBits() > kWidestInteger) return "an integer of too many bits";
  if (type->isPtrOrPtrVectorTy() && type->getPointerAddressSpace() != 0 && !for_nvidia) return "a pointer into an address space of the host's";
  if (llvm::isa<llvm::IndirectBrInst>(instruction) || llvm::isa<llvm::InvokeInst>(instruction)) return "a jump that no device can make";
  const auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction);
  if (call == nullptr) return {};
  if (call->isInlineAsm()) return for_nvidia ? "" : "inline assembly";
  const llvm::Function* callee = call->getCalledFunction();
  if (callee == nullptr) return "a call through a pointer to a function that is not known before it runs: indirect calls do not exist in Metal compute kernels";
  if (for_nvidia && callee->getName().starts_with("llvm.nvvm.")) return {};
  if (callee->isIntrinsic() && !is_portable(*callee)) return fmt::format("'{}'", std::string_view(callee->getName()));
  return {};
}

class InlinedSize {
 public:
  std::uint64_t of(const llvm::Function& function) {
    const auto [known, is_new] = sizes_.try_emplace(&function, kInstructionLimit + 1);  // while it is being found: a cycle
    if (!is_new) return known->second;
    std::uint64_t size = 0;
    for (const llvm::Instruction& i : llvm::instructions(function)) {
      const auto* call = llvm::dyn_cast<llvm::CallBase>(&i);
      const llvm::Function* callee = call == nullptr ? nullptr : call->getCalledFunction();
      size = std::min(size + 1 + (callee == nullptr || callee->isDeclaration() ? 0 : of(*callee)), kInstructionLimit + 1);
    }
    return sizes_[&function] = size;
  }

 private:
  std::map<const llvm::Function*, std::uint64_t> sizes_;
};

std::unexpected<Error> refuse(const std::string& kernel, const std::string& what) {
  return fail(ErrorCode::ShaderCompilationError, fmt::format("kernel '{}' {}", kernel, what));
}

std::string over_aligned() { return fmt::format("has a variable that is aligned to more than {} bytes", kAlignmentLimit); }

}  // namespace

std::uint64_t inlined_size(const llvm::Function& function) { return InlinedSize().of(function); }

void drop_traps(llvm::Module& module) {
  for (llvm::Function& f : llvm::make_early_inc_range(module)) {
    const auto id = f.getIntrinsicID();
    if (id != llvm::Intrinsic::trap && id != llvm::Intrinsic::ubsantrap) continue;
    for (llvm::User* user : llvm::make_early_inc_range(f.users())) {
      auto* call = llvm::dyn_cast<llvm::CallInst>(user);
      if (call == nullptr || !llvm::isa<llvm::UnreachableInst>(call->getParent()->getTerminator())) continue;
      llvm::BasicBlock& block = *call->getParent();
      while (&block.back() != call) block.back().eraseFromParent();
      llvm::Type* type = call->getFunction()->getReturnType();
      call->eraseFromParent();
      llvm::ReturnInst::Create(module.getContext(), type->isVoidTy() ? nullptr : llvm::Constant::getNullValue(type), &block);
    }
    if (f.use_empty()) f.eraseFromParent();
  }
}

Result<void> refuse_size(const llvm::Module& module, const std::string& kernel, const std::string& symbol) {
  const llvm::Function* entry = module.getFunction(symbol);
  if (entry == nullptr || inlined_size(*entry) <= kInstructionLimit) return {};
  return refuse(kernel, fmt::format("grows to more than {} instructions once the functions it calls are inlined", kInstructionLimit));
}

Result<void> refuse_unsupported(const llvm::Module& module, const std::string& kernel) {
  const llvm::DataLayout& layout = module.getDataLayout();
  const bool for_nvidia = llvm::Triple(module.getTargetTriple()).isNVPTX();
  std::uint64_t constants = 0;
  for (const llvm::GlobalVariable& global : module.globals()) {
    if (global.isThreadLocal()) return refuse(kernel, "uses a thread-local variable");
    if (global.getAlign().valueOrOne().value() > kAlignmentLimit) return refuse(kernel, over_aligned());
    if (global.isConstant() && global.getValueType()->isSized()) {
      constants = std::min(constants + layout.getTypeAllocSize(global.getValueType()).getFixedValue(), kConstantLimit + 1);
    }
  }
  if (constants > kConstantLimit) return refuse(kernel, fmt::format("uses more than {} bytes of program-scope constants", kConstantLimit));
  if (!module.alias_empty() || !module.ifunc_empty()) return refuse(kernel, "uses an alias of a function or variable");
  std::uint64_t thread_memory = 0;
  for (const llvm::Function& f : module) {
    for (const llvm::Instruction& i : llvm::instructions(f)) {
      if (const std::string fault = fault_of(i, for_nvidia); !fault.empty()) return refuse(kernel, "uses " + fault);
      const auto* variable = llvm::dyn_cast<llvm::AllocaInst>(&i);
      if (variable == nullptr) continue;
      const auto size = variable->getAllocationSize(layout);
      if (!size) return refuse(kernel, "has an array whose extent is not known at specialisation");
      if (variable->getAlign().value() > kAlignmentLimit) return refuse(kernel, over_aligned());
      thread_memory = std::min(thread_memory + size->getFixedValue(), kThreadMemoryLimit + 1);
    }
  }
  if (thread_memory > kThreadMemoryLimit) return refuse(kernel, fmt::format("needs more than {} bytes for the variables of one thread", kThreadMemoryLimit));
  return {};
}

}  // namespace anymetal::msl
