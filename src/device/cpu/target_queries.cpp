#include "device/cpu/target_queries.hpp"

#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <string>
#include <string_view>

#include "device/cpu/host.hpp"

namespace anymetal::device::cpu {
namespace {

bool has_feature(std::string_view name) {
  return ("," + host_target().features + ",").find("," + std::string(name) + ",") != std::string::npos;
}

unsigned vector_bits() {
  if (has_feature("+avx512f") && has_feature("+avx512vl") && has_feature("+avx512bw")) return 512;
  return has_feature("+avx2") ? 256 : 128;
}

constexpr unsigned kLanes = 16;

/// Where the module declares it, the function gets a body that is inlined wherever it is called.
void define(llvm::Module& module, const char* name,
            const std::function<void(llvm::IRBuilder<>&, llvm::Function&)>& body) {
  auto* function = module.getFunction(name);
  if (!function || !function->isDeclaration()) return;
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(module.getContext(), "", function));
  body(builder, *function);
  function->setLinkage(llvm::GlobalValue::InternalLinkage);
  function->removeFnAttr(llvm::Attribute::NoInline);
  function->removeFnAttr(llvm::Attribute::OptimizeNone);
  function->addFnAttr(llvm::Attribute::AlwaysInline);
}

/// *result = lane by lane the entry of a table of 16 or 32 floats, of which `halves` are the pointers after the first
/// argument, that the low bits of the last argument's lane name.
void look_up(llvm::IRBuilder<>& builder, llvm::Function& function, unsigned halves) {
  auto* floats = llvm::FixedVectorType::get(builder.getFloatTy(), kLanes);
  auto* words = llvm::FixedVectorType::get(builder.getInt32Ty(), kLanes);
  const auto load = [&](unsigned argument, llvm::Type* type) {
    return builder.CreateAlignedLoad(type, function.getArg(argument), llvm::Align(4));
  };
  auto* low = load(1, floats);
  auto* high = halves == 2 ? load(2, floats) : low;
  auto* index = load(halves + 1, words);
  llvm::Value* result = nullptr;
  if (vector_bits() < 512) {
    auto* table = builder.CreateShuffleVector(low, high, llvm::createSequentialMask(0, 2 * kLanes, 0));
    result = llvm::PoisonValue::get(floats);
    for (unsigned i = 0; i < kLanes; ++i) {
      auto* entry = builder.CreateAnd(builder.CreateExtractElement(index, i), kLanes * halves - 1);
      result = builder.CreateInsertElement(result, builder.CreateExtractElement(table, entry), i);
    }
  } else if (halves == 1) {
    result = builder.CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_sf_512, {}, {low, index});
  } else {
    result = builder.CreateIntrinsic(llvm::Intrinsic::x86_avx512_vpermi2var_ps_512, {}, {low, index, high});
  }
  builder.CreateAlignedStore(result, function.getArg(0), llvm::Align(4));
  builder.CreateRetVoid();
}

}  // namespace

void define_target_queries(llvm::Module& module) {
  define(module, "__msl_vector_bits",
         [](llvm::IRBuilder<>& builder, llvm::Function&) { builder.CreateRet(builder.getInt32(vector_bits())); });
  define(module, "__msl_look_up_16", [](auto& builder, auto& function) { look_up(builder, function, 1); });
  define(module, "__msl_look_up_32", [](auto& builder, auto& function) { look_up(builder, function, 2); });
}

}  // namespace anymetal::device::cpu
