#include "device/cpu/target_queries.hpp"

#include "device/cpu/host.hpp"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <string_view>

namespace anymetal::device::cpu {
namespace {

bool has_feature(std::string_view name) {
  return ("," + host_target().features + ",").find("," + std::string(name) + ",") != std::string::npos;
}

unsigned vector_bits() {
  if (has_feature("+avx512f") && has_feature("+avx512vl") && has_feature("+avx512bw")) return 512;
  return has_feature("+avx2") ? 256 : 128;
}

}  // namespace

void define_target_queries(llvm::Module& module) {
  auto* query = module.getFunction("__msl_vector_bits");
  if (!query || !query->isDeclaration()) return;
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(module.getContext(), "", query));
  builder.CreateRet(builder.getInt32(vector_bits()));
  query->setLinkage(llvm::GlobalValue::InternalLinkage);
  query->removeFnAttr(llvm::Attribute::NoInline);
  query->removeFnAttr(llvm::Attribute::OptimizeNone);
  query->addFnAttr(llvm::Attribute::AlwaysInline);
}

}  // namespace anymetal::device::cpu
