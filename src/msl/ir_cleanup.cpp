#include "msl/ir_cleanup.hpp"

#include "msl/ir_arithmetic.hpp"
#include "msl/ir_loops.hpp"
#include "msl/ir_simplify.hpp"
#include "msl/ir_threadgroup.hpp"
#include "msl/use_places.hpp"

#include <llvm/IR/AttributeMask.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <vector>

namespace anymetal::msl {
namespace {

void drop_annotations(llvm::Module& module) {
  for (const char* name : {"llvm.global.annotations", "llvm.used", "llvm.compiler.used"}) {
    if (llvm::GlobalVariable* list = module.getNamedGlobal(name)) list->eraseFromParent();
  }
  for (llvm::Function& f : llvm::make_early_inc_range(module)) {
    const bool is_pointer = f.getIntrinsicID() == llvm::Intrinsic::ptr_annotation;
    if (!is_pointer && f.getIntrinsicID() != llvm::Intrinsic::var_annotation) continue;
    for (llvm::User* user : llvm::make_early_inc_range(f.users())) {
      auto* call = llvm::cast<llvm::CallInst>(user);
      if (is_pointer) call->replaceAllUsesWith(call->getArgOperand(0));
      call->eraseFromParent();
    }
    f.eraseFromParent();
  }
}

/// Where the library's assembly stands is a number that depends on what else was read, and of no use to anybody.
void drop_places(llvm::Module& module) {
  for (llvm::Function& f : module) {
    for (llvm::Instruction& instruction : llvm::instructions(f)) instruction.setMetadata("srcloc", nullptr);
  }
}

/// A function or variable with C linkage may be called what the C library calls one of its own: LLVM would take it for that.
void make_private_name(llvm::GlobalValue& value) {
  const llvm::StringRef name = value.getName();
  if (!name.starts_with("_Z") && !name.starts_with("__msl_") && !name.starts_with("_GLOBAL__") && !name.starts_with("__cxx_global_var_init")) {
    value.setName(name + ".msl");
  }
}

void normalise_globals(llvm::Module& module) {
  for (llvm::GlobalVariable& global : module.globals()) {
    if (global.isDeclaration() || global.getName().starts_with("llvm.")) continue;
    global.setComdat(nullptr);
    make_private_name(global);
    global.setLinkage(llvm::GlobalValue::InternalLinkage);
    global.setVisibility(llvm::GlobalValue::DefaultVisibility);
    if (global.getSection() != kThreadgroupSection) continue;
    global.setInitializer(llvm::UndefValue::get(global.getValueType()));
    global.setConstant(false);
    global.setAlignment(std::max(global.getAlign().valueOrOne(), llvm::Align(16)));
  }
}

/// Queries about the thread and approximate functions involve no other lane.
bool is_query(std::string_view name) {
  for (const std::string_view prefix : {"__msl_thread", "__msl_dispatch_", "__msl_simdgroup_index_", "__msl_fast_", "__msl_is_"}) {
    if (name.starts_with(prefix)) return !name.ends_with("_barrier");
  }
  return false;
}

/// Only attributes that mean something on every device stay.
void normalise_function(llvm::Function& f, bool is_entry) {
  const bool is_convergent = f.hasFnAttribute(llvm::Attribute::Convergent) && !is_query(std::string_view(f.getName()));
  f.setDSOLocal(false);
  if (f.isDeclaration()) {
    llvm::AttributeMask strings;
    for (const llvm::Attribute& attribute : f.getAttributes().getFnAttrs()) {
      if (attribute.isStringAttribute() && attribute.getKindAsString() != kUsePlaceAttribute) strings.addAttribute(attribute.getKindAsString());
    }
    if (!f.isIntrinsic()) f.removeFnAttrs(strings);
    if (!is_convergent) f.removeFnAttr(llvm::Attribute::Convergent);
    return;
  }
  f.setAttributes(f.getAttributes().removeFnAttributes(f.getContext()));
  if (!is_entry) make_private_name(f);
  // Nobody has promised that of the object a member function is called on (method_spaces.cpp).
  for (llvm::Argument& argument : f.args()) {
    if (argument.getName() == "this") argument.removeAttr(llvm::Attribute::NoAlias);
  }
  f.setComdat(nullptr);
  f.setCallingConv(llvm::CallingConv::C);
  f.addFnAttr(llvm::Attribute::NoUnwind);
  if (is_convergent) f.addFnAttr(llvm::Attribute::Convergent);
  f.setVisibility(llvm::GlobalValue::DefaultVisibility);
  f.setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::None);
  f.setLinkage(is_entry ? llvm::GlobalValue::ExternalLinkage : llvm::GlobalValue::InternalLinkage);
}

/// What a call may do is what its callee may do.
void normalise_calls(llvm::Function& f) {
  for (llvm::BasicBlock& block : f) {
    for (llvm::Instruction& instruction : block) {
      auto* call = llvm::dyn_cast<llvm::CallBase>(&instruction);
      if (call == nullptr || llvm::isa<llvm::IntrinsicInst>(call) || call->isInlineAsm()) continue;
      call->setCallingConv(llvm::CallingConv::C);
      call->setAttributes(call->getAttributes().removeFnAttributes(f.getContext()));
    }
  }
}

/// Clang's NVPTX target casts the null pointer of the default space to that of any other, which here is the same.
void drop_null_casts(llvm::Module& module) {
  auto* null = llvm::ConstantPointerNull::get(llvm::PointerType::get(module.getContext(), 0));
  for (llvm::User* user : llvm::make_early_inc_range(null->users())) {
    auto* cast = llvm::dyn_cast<llvm::ConstantExpr>(user);
    if (cast != nullptr && cast->getOpcode() == llvm::Instruction::AddrSpaceCast && cast->getType() == null->getType())
      cast->replaceAllUsesWith(null);
  }
}

/// Gives every initialiser of a program-scope constant an entry of its own in `llvm.global_ctors`, so that each is
/// evaluated alone at specialisation.
void split_initialisers(llvm::Module& module) {
  llvm::GlobalVariable* list = module.getNamedGlobal("llvm.global_ctors");
  if (list == nullptr) return;
  std::vector<llvm::Constant*> entries;
  const auto* old = llvm::dyn_cast<llvm::ConstantArray>(list->getInitializer());
  auto* structure = llvm::cast<llvm::StructType>(llvm::cast<llvm::ArrayType>(list->getValueType())->getElementType());
  for (unsigned i = 0; old != nullptr && i < old->getNumOperands(); ++i) {
    auto* all = llvm::dyn_cast<llvm::Function>(old->getOperand(i)->getOperand(1)->stripPointerCasts());
    if (all == nullptr) continue;
    const auto add = [&](llvm::Function* f) {
      entries.push_back(llvm::ConstantStruct::get(structure, {llvm::ConstantInt::get(llvm::Type::getInt32Ty(module.getContext()), 65535), f,
                                                              llvm::Constant::getNullValue(structure->getElementType(2))}));
    };
    if (!all->getName().starts_with("_GLOBAL__")) {
      add(all);
      continue;
    }
    for (llvm::Instruction& instruction : all->getEntryBlock()) {
      auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction);
      if (call != nullptr && call->getCalledFunction() != nullptr && call->arg_empty()) add(call->getCalledFunction());
    }
  }
  list->eraseFromParent();
  if (entries.empty()) return;
  auto* type = llvm::ArrayType::get(structure, entries.size());
  new llvm::GlobalVariable(module, type, false, llvm::GlobalValue::AppendingLinkage, llvm::ConstantArray::get(type, entries), "llvm.global_ctors");
}

}  // namespace

std::string function_constant_symbol(std::uint32_t index) { return "__msl_function_constant_" + std::to_string(index); }

void name_function_constant(llvm::Module& module, const std::string& mangled, std::uint32_t index) {
  llvm::GlobalVariable* global = module.getNamedGlobal(mangled);
  if (global == nullptr) return;
  const std::string symbol = function_constant_symbol(index);
  if (llvm::GlobalVariable* other = module.getNamedGlobal(symbol)) {
    global->replaceAllUsesWith(other);
    global->eraseFromParent();
  } else {
    global->setName(symbol);
  }
}

void clean_up(llvm::Module& module, std::string_view entry_symbol) {
  drop_null_casts(module);
  drop_annotations(module);
  drop_places(module);
  normalise_globals(module);
  localise_threadgroup_addresses(module);
  for (llvm::Function& f : module) normalise_function(f, std::string_view(f.getName()) == entry_symbol);
  for (llvm::Function& f : module) {
    normalise_calls(f);
    bound_unrolling(f);
    define_arithmetic(f);
  }
  split_initialisers(module);
  module.setModuleInlineAsm("");
  if (llvm::NamedMDNode* ident = module.getNamedMetadata("llvm.ident")) ident->eraseFromParent();
  simplify_functions(module);
}

}  // namespace anymetal::msl
