#include "device/cpu/runtime_constants.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Module.h>
#include <llvm/Object/ObjectFile.h>
#include <llvm/Support/MemoryBufferRef.h>

#include <cstring>
#include <optional>

namespace anymetal::device::cpu {
namespace {

constexpr const char* kQuery = "__msl_runtime_constant";
constexpr llvm::StringLiteral kValues = "anymetal_runtime_constants";

/// In the order of the functions' instructions, which is that of their places.
std::vector<llvm::CallInst*> calls_of(llvm::Module& module) {
  std::vector<llvm::CallInst*> calls;
  const auto* query = module.getFunction(kQuery);
  if (!query) return calls;
  for (auto& function : module)
    for (auto& instruction : llvm::instructions(function))
      if (auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction); call && call->getCalledFunction() == query)
        calls.push_back(call);
  return calls;
}

void replace(llvm::CallInst* call, llvm::Value* value) {
  call->replaceAllUsesWith(value);
  call->eraseFromParent();
}

/// Bytes of `object` from the beginning of the values on; nothing where it has none.
std::optional<std::size_t> place_of_values(llvm::StringRef object) {
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, ""));
  if (!file) {
    llvm::consumeError(file.takeError());
    return std::nullopt;
  }
  for (const auto& symbol : (*file)->symbols()) {
    const auto name = llvm::expectedToOptional(symbol.getName());
    if (!name || !name->ends_with(kValues)) continue;
    const auto section = llvm::expectedToOptional(symbol.getSection());
    const auto address = llvm::expectedToOptional(symbol.getAddress());
    if (!section || *section == (*file)->section_end() || !address) return std::nullopt;
    const auto bytes = llvm::expectedToOptional((*section)->getContents());
    if (!bytes) return std::nullopt;
    return static_cast<std::size_t>(bytes->data() - object.data()) + *address - (*section)->getAddress();
  }
  return std::nullopt;
}

}  // namespace

bool has_runtime_constants(const llvm::Module& module) {
  const auto* query = module.getFunction(kQuery);
  return query && !query->use_empty();
}

std::vector<std::uint32_t> load_runtime_constants(llvm::Module& module) {
  auto calls = calls_of(module);
  llvm::erase_if(calls, [](llvm::CallInst* call) { return !llvm::isa<llvm::ConstantInt>(call->getArgOperand(0)); });
  if (calls.empty()) return {};
  // One more, so that not all of them are 0: that would take no bytes of the object. What somebody else initialises is
  // not folded.
  auto* word = llvm::Type::getInt32Ty(module.getContext());
  auto* all = llvm::ArrayType::get(word, calls.size() + 1);
  auto* places = new llvm::GlobalVariable(module, all, /*isConstant=*/false, llvm::GlobalValue::ExternalLinkage,
                                          llvm::Constant::getAllOnesValue(all), kValues);
  places->setExternallyInitialized(true);
  places->setDSOLocal(true);
  std::vector<std::uint32_t> values;
  for (auto* call : calls) {
    llvm::IRBuilder<> builder(call);
    auto* load = builder.CreateLoad(word, builder.CreateConstInBoundsGEP2_64(all, places, 0, values.size()));
    load->setMetadata(llvm::LLVMContext::MD_invariant_load, llvm::MDNode::get(module.getContext(), {}));
    values.push_back(static_cast<std::uint32_t>(llvm::cast<llvm::ConstantInt>(call->getArgOperand(0))->getZExtValue()));
    replace(call, load);
  }
  return values;
}

void give_runtime_constants(llvm::Module& module, std::span<const std::uint32_t> values) {
  std::vector<std::uint32_t> words(values.begin(), values.end());
  words.push_back(~0U);
  module.getNamedGlobal(kValues)->setInitializer(llvm::ConstantDataArray::get(module.getContext(), words));
}

void fold_runtime_constants(llvm::Module& module) {
  for (auto* call : calls_of(module)) replace(call, call->getArgOperand(0));
}

Result<void> set_runtime_constants(std::string& object, std::span<const std::uint32_t> values) {
  const auto place = place_of_values(object);
  if (!place || *place + values.size_bytes() > object.size())
    return fail(ErrorCode::InternalError, "the kernel's object has no place for its runtime constants");
  std::memcpy(object.data() + *place, values.data(), values.size_bytes());
  return {};
}

}  // namespace anymetal::device::cpu
