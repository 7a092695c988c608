#include "msl/constant_values.hpp"

#include "msl/ir_checks.hpp"
#include "msl/ir_cleanup.hpp"
#include "msl/ir_simplify.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/IR/Constants.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/TargetParser/Triple.h>
#include <llvm/Transforms/Utils/Evaluator.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace anymetal::msl {
namespace {

constexpr const char* kInitialisers = "llvm.global_ctors";

bool is_of(const ConstantDeclaration& d, const ConstantName& which) {
  return which.index() == 0 ? d.index == std::get<0>(which) : d.name == std::get<1>(which);
}

/// The value as an initialiser of type `type`: a scalar, a vector, or a struct around a vector.
llvm::Constant* initialiser(llvm::Type* type, const ConstantValue& value, unsigned first, unsigned count) {
  const std::size_t size = size_of(value.type());
  if (auto* structure = llvm::dyn_cast<llvm::StructType>(type)) {
    llvm::SmallVector<llvm::Constant*, 2> members;
    for (llvm::Type* member : structure->elements()) members.push_back(initialiser(member, value, first, count));
    return llvm::ConstantStruct::get(structure, members);
  }
  const auto element_count = [&]() -> std::optional<unsigned> {
    if (auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(type)) return vector->getNumElements();
    if (auto* array = llvm::dyn_cast<llvm::ArrayType>(type)) return static_cast<unsigned>(array->getNumElements());
    return std::nullopt;
  }();
  if (element_count) {
    llvm::Type* element = type->isVectorTy() ? llvm::cast<llvm::VectorType>(type)->getElementType() : type->getArrayElementType();
    llvm::SmallVector<llvm::Constant*, 4> elements;
    for (unsigned i = 0; i < *element_count; ++i) {
      elements.push_back(i < count ? initialiser(element, value, first + i, 1) : llvm::Constant::getNullValue(element));
    }
    if (type->isVectorTy()) return llvm::ConstantVector::get(elements);
    return llvm::ConstantArray::get(llvm::cast<llvm::ArrayType>(type), elements);
  }
  std::uint64_t bits = 0;
  std::memcpy(&bits, value.bytes().data() + first * size, size);
  if (value.type() == ConstantType::Half) return llvm::ConstantFP::get(type, llvm::APFloat(llvm::APFloat::IEEEhalf(), llvm::APInt(16, bits)));
  if (value.type() == ConstantType::Float) return llvm::ConstantFP::get(type, llvm::APFloat(llvm::APFloat::IEEEsingle(), llvm::APInt(32, bits)));
  if (value.type() == ConstantType::Bool) bits = bits != 0 ? 1 : 0;
  return llvm::ConstantInt::get(type, bits);
}

/// Index of a function constant by its global's name.
std::optional<std::uint32_t> constant_index(std::string_view symbol) {
  const std::string prefix = function_constant_symbol(0).substr(0, function_constant_symbol(0).size() - 1);
  if (!symbol.starts_with(prefix)) return std::nullopt;
  std::uint32_t index = 0;
  for (const char c : symbol.substr(prefix.size())) {
    if (c < '0' || c > '9') return std::nullopt;
    index = index * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return index;
}

void answer_definedness(llvm::Module& module, const ConstantValues& values) {
  llvm::Function* query = module.getFunction("__msl_is_function_constant_defined");
  if (query == nullptr) return;
  for (llvm::User* user : llvm::make_early_inc_range(query->users())) {
    auto* call = llvm::dyn_cast<llvm::CallInst>(user);
    if (call == nullptr) continue;
    const auto* global = llvm::dyn_cast<llvm::GlobalVariable>(call->getArgOperand(0)->stripPointerCasts());
    const auto index = global == nullptr ? std::nullopt : constant_index(std::string_view(global->getName()));
    const bool is_defined = !index || values.contains(*index);
    call->replaceAllUsesWith(llvm::ConstantInt::get(call->getType(), is_defined ? 1 : 0));
    call->eraseFromParent();
  }
}

/// The vector of three components at a place in a global variable; nullptr where there is none.
llvm::FixedVectorType* three_components_at(const llvm::DataLayout& layout, llvm::Value* pointer) {
  llvm::APInt offset(layout.getIndexTypeSizeInBits(pointer->getType()), 0);
  const auto* global = llvm::dyn_cast<llvm::GlobalVariable>(pointer->stripAndAccumulateConstantOffsets(layout, offset, true));
  if (global == nullptr) return nullptr;
  llvm::Type* type = global->getValueType();
  while (type->isStructTy() || type->isArrayTy()) {
    if (!layout.getGEPIndexForOffset(type, offset)) return nullptr;
  }
  auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(type);
  return vector != nullptr && vector->getNumElements() == 3 && offset.isZero() ? vector : nullptr;
}

/// Clang loads and stores three components as four, which the evaluator does not take for values of such a variable.
void narrow_vectors(llvm::Function& initialiser) {
  const llvm::DataLayout& layout = initialiser.getParent()->getDataLayout();
  for (llvm::Instruction& i : llvm::make_early_inc_range(llvm::instructions(initialiser))) {
    llvm::Value* pointer = llvm::getLoadStorePointerOperand(&i);
    llvm::FixedVectorType* three = pointer == nullptr ? nullptr : three_components_at(layout, pointer);
    const auto* four = three == nullptr ? nullptr : llvm::dyn_cast<llvm::FixedVectorType>(llvm::getLoadStoreType(&i));
    if (four == nullptr || four->getNumElements() != 4 || four->getElementType() != three->getElementType()) continue;
    llvm::IRBuilder<> builder(&i);
    if (auto* store = llvm::dyn_cast<llvm::StoreInst>(&i)) {
      builder.CreateAlignedStore(builder.CreateShuffleVector(store->getValueOperand(), {0, 1, 2}), pointer, store->getAlign());
    } else {
      llvm::Value* load = builder.CreateAlignedLoad(three, pointer, llvm::cast<llvm::LoadInst>(i).getAlign());
      i.replaceAllUsesWith(builder.CreateShuffleVector(load, {0, 1, 2, llvm::PoisonMaskElem}));
    }
    i.eraseFromParent();
  }
}

/// A derived constant that cannot be computed: whoever reads it reads the constant it lacks.
void redirect_to_missing(llvm::Function& initialiser) {
  llvm::GlobalVariable* missing = nullptr;
  llvm::GlobalVariable* derived = nullptr;
  for (llvm::BasicBlock& block : initialiser) {
    for (llvm::Instruction& i : block) {
      for (llvm::Value* operand : i.operands()) {
        auto* global = llvm::dyn_cast<llvm::GlobalVariable>(operand->stripInBoundsOffsets());
        if (global == nullptr) continue;
        if (global->isDeclaration()) missing = global;
        else if (llvm::isa<llvm::StoreInst>(i) && !global->isConstant()) derived = global;
      }
    }
  }
  if (derived == nullptr) return;
  if (missing != nullptr) derived->replaceAllUsesWith(missing);
  else derived->setInitializer(nullptr), derived->setLinkage(llvm::GlobalValue::ExternalLinkage), derived->addAttribute(kUncomputedAttribute);
}

}  // namespace

const ConstantDeclaration* find_declaration(std::span<const ConstantDeclaration> declared, const ConstantName& which) {
  const auto found = std::ranges::find_if(declared, [&](const ConstantDeclaration& d) { return is_of(d, which); });
  return found == declared.end() ? nullptr : &*found;
}

ConstantValue constant_of(ConstantType type, unsigned components, std::uint8_t number) {
  std::array<unsigned char, kMaxConstantSize> bytes{};
  for (unsigned i = 0; i < components; ++i) {
    if (type == ConstantType::Bool)
      bytes[i] = number % 2;
    else if (type == ConstantType::Float) {
      const auto real = static_cast<float>(number);
      std::memcpy(&bytes[i * sizeof(real)], &real, sizeof(real));
    } else if (type == ConstantType::Half || type == ConstantType::BFloat) {
      const auto value = type == ConstantType::Half ? ConstantValue::half(number) : ConstantValue::bfloat(number);
      std::memcpy(&bytes[i * 2], value.bytes().data(), 2);
    } else {
      bytes[i * size_of(type)] = number;  // the lowest byte comes first
    }
  }
  return ConstantValue::from_bytes(type, components, bytes.data());
}

std::vector<FunctionConstant> with_others(std::span<const ConstantDeclaration> declared, std::span<const FunctionConstant> given, std::uint8_t number) {
  std::vector<FunctionConstant> constants(given.begin(), given.end());
  for (const ConstantDeclaration& d : declared) {
    const bool is_given = std::ranges::any_of(given, [&](const FunctionConstant& c) { return is_of(d, c.which); });
    if (!is_given) constants.push_back({d.index, constant_of(d.type, d.components, number)});
  }
  return constants;
}

Result<ConstantValues> resolve_constants(std::string_view kernel, std::span<const ConstantDeclaration> declared, std::span<const FunctionConstant> given) {
  ConstantValues values;
  for (const FunctionConstant& constant : given) {
    const ConstantDeclaration* declaration = find_declaration(declared, constant.which);
    if (declaration == nullptr) {
      if (constant.which.index() == 0) continue;
      std::vector<std::string> names;
      for (const ConstantDeclaration& d : declared) names.push_back('\'' + d.name + '\'');
      return fail(ErrorCode::FunctionConstantError,
                  fmt::format("kernel '{}': there is no function constant '{}'; the source declares {}", kernel,
                              std::get<1>(constant.which), names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
    }
    if (declaration->type != constant.value.type() || declaration->components != constant.value.components()) {
      return fail(ErrorCode::FunctionConstantError,
                  fmt::format("kernel '{}': function constant '{}' (index {}) has type {}, {} given", kernel, declaration->name,
                              declaration->index, to_string(declaration->type, declaration->components),
                              to_string(constant.value.type(), constant.value.components())));
    }
    const auto [given_before, is_new] = values.try_emplace(declaration->index, constant.value);
    if (!is_new && given_before->second != constant.value) {
      return fail(ErrorCode::FunctionConstantError,
                  fmt::format("kernel '{}': function constant '{}' (index {}) is given two different values", kernel,
                              declaration->name, declaration->index));
    }
  }
  return values;
}

void set_function_constants(llvm::Module& module, const ConstantValues& values) {
  for (const auto& [index, value] : values) {
    llvm::GlobalVariable* global = module.getNamedGlobal(function_constant_symbol(index));
    if (global == nullptr) continue;
    global->setInitializer(initialiser(global->getValueType(), value, 0, value.components()));
    global->setConstant(true);
    global->setLinkage(llvm::GlobalValue::InternalLinkage);
  }
  answer_definedness(module, values);
}

bool has_initialisers(const llvm::Module& module) { return module.getNamedGlobal(kInitialisers) != nullptr; }

void evaluate_derived_constants(llvm::Module& module) {
  llvm::GlobalVariable* list = module.getNamedGlobal(kInitialisers);
  if (list == nullptr) return;
  std::vector<llvm::Function*> initialisers;
  if (const auto* entries = llvm::dyn_cast<llvm::ConstantArray>(list->getInitializer())) {
    for (const llvm::Use& entry : entries->operands()) {
      if (auto* f = llvm::dyn_cast<llvm::Function>(llvm::cast<llvm::Constant>(entry)->getOperand(1))) initialisers.push_back(f);
    }
  }
  const llvm::TargetLibraryInfoImpl library_info{llvm::Triple(module.getTargetTriple())};
  for (llvm::Function* f : initialisers) {
    if (inlined_size(*f) > kInstructionLimit) {
      redirect_to_missing(*f);
      continue;
    }
    inline_calls(*f);
    simplify_function(*f);
    narrow_vectors(*f);
    llvm::TargetLibraryInfo library(library_info, f);
    llvm::Evaluator evaluator(module.getDataLayout(), &library);
    llvm::Constant* returned = nullptr;
    const llvm::SmallVector<llvm::Constant*, 0> no_arguments;
    if (!evaluator.EvaluateFunction(f, returned, no_arguments)) {
      redirect_to_missing(*f);
      continue;
    }
    for (const auto& [global, value] : evaluator.getMutatedInitializers()) {
      global->setInitializer(value);
      global->setConstant(true);
    }
  }
  list->eraseFromParent();
}

bool is_constant_true(const llvm::Module& module, const ConstantValues& values, std::string_view symbol) {
  if (const auto index = constant_index(symbol)) {
    const auto found = values.find(*index);
    if (found == values.end()) return false;
    for (const unsigned char byte : found->second.bytes()) {
      if (byte != 0) return true;
    }
    return false;
  }
  const llvm::GlobalVariable* global = module.getNamedGlobal(symbol);
  return global != nullptr && global->hasInitializer() && global->isConstant() && !global->getInitializer()->isNullValue();
}

}  // namespace anymetal::msl
