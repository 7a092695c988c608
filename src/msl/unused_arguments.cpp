#include "msl/unused_arguments.hpp"

#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/IR/Argument.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/IntrinsicInst.h>

namespace anymetal::msl {
namespace {

using Seen = llvm::SmallPtrSet<const llvm::Value*, 16>;

bool is_without_effect(const llvm::Value& value, Seen& seen);

/// Whether what is kept in a variable goes nowhere.
bool is_never_read(const llvm::Value& variable, Seen& seen) {
  if (!llvm::isa<llvm::AllocaInst>(variable)) return false;
  if (!seen.insert(&variable).second) return true;
  for (const llvm::User* user : variable.users()) {
    const auto* store = llvm::dyn_cast<llvm::StoreInst>(user);
    const auto* intrinsic = llvm::dyn_cast<llvm::IntrinsicInst>(user);
    const bool is_written = store != nullptr && store->getPointerOperand() == &variable && !store->isVolatile();
    const bool is_marked = intrinsic != nullptr && (intrinsic->isLifetimeStartOrEnd() || llvm::isa<llvm::DbgInfoIntrinsic>(intrinsic));
    const auto* load = llvm::dyn_cast<llvm::LoadInst>(user);
    const bool is_read_for_nothing = load != nullptr && !load->isVolatile() && is_without_effect(*load, seen);
    if (!is_written && !is_marked && !is_read_for_nothing) return false;
  }
  return true;
}

bool is_without_effect(const llvm::Value& value, Seen& seen) {
  if (!seen.insert(&value).second) return true;
  for (const llvm::User* user : value.users()) {
    if (const auto* store = llvm::dyn_cast<llvm::StoreInst>(user)) {
      if (store->isVolatile() || !is_never_read(*store->getPointerOperand(), seen)) return false;
      continue;
    }
    const bool is_address = llvm::isa<llvm::CastInst, llvm::GetElementPtrInst>(user);
    if (!is_address || !is_without_effect(*user, seen)) return false;
  }
  return true;
}

}  // namespace

bool is_unused(const llvm::Argument& argument) {
  Seen seen;
  return is_without_effect(argument, seen);
}

}  // namespace anymetal::msl
