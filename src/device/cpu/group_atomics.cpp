#include "device/cpu/group_atomics.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/Transforms/Utils/LowerAtomic.h>

namespace anymetal::device::cpu {
namespace {

constexpr llvm::SyncScope::ID kMark = llvm::SyncScope::SingleThread;

const llvm::Value* address_of(const llvm::Instruction& instruction) {
  if (const auto* update = llvm::dyn_cast<llvm::AtomicRMWInst>(&instruction)) return update->getPointerOperand();
  if (const auto* exchange = llvm::dyn_cast<llvm::AtomicCmpXchgInst>(&instruction))
    return exchange->getPointerOperand();
  return llvm::getLoadStorePointerOperand(&instruction);
}

}  // namespace

void mark_group_atomics(const ThreadFunction& thread, const msl::EntryReflection& reflection) {
  const auto is_of_group = [&](const llvm::Value* object) {
    const auto* argument = llvm::dyn_cast<llvm::Argument>(object);
    if (!argument) return false;
    if (argument == thread.threadgroup_memory()) return true;
    const auto number = argument->getArgNo();
    return number < reflection.arguments.size() && reflection.arguments[number].kind == ArgumentKind::Threadgroup;
  };
  for (auto& instruction : llvm::instructions(*thread.function)) {
    if (!instruction.isAtomic()) continue;
    const auto* address = address_of(instruction);
    if (!address) continue;
    llvm::SmallVector<const llvm::Value*, 4> objects;
    llvm::getUnderlyingObjects(address, objects, nullptr, 0);
    if (objects.empty() || !llvm::all_of(objects, is_of_group)) continue;
    if (auto* update = llvm::dyn_cast<llvm::AtomicRMWInst>(&instruction)) update->setSyncScopeID(kMark);
    if (auto* exchange = llvm::dyn_cast<llvm::AtomicCmpXchgInst>(&instruction)) exchange->setSyncScopeID(kMark);
    if (auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction)) load->setSyncScopeID(kMark);
    if (auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction)) store->setSyncScopeID(kMark);
  }
}

void make_group_atomics_plain(llvm::Module& module) {
  for (auto& function : module)
    for (auto& instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
      if (auto* update = llvm::dyn_cast<llvm::AtomicRMWInst>(&instruction)) {
        if (update->getSyncScopeID() == kMark) llvm::lowerAtomicRMWInst(update);
      } else if (auto* exchange = llvm::dyn_cast<llvm::AtomicCmpXchgInst>(&instruction)) {
        if (exchange->getSyncScopeID() == kMark) llvm::lowerAtomicCmpXchgInst(exchange);
      } else if (auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction)) {
        if (load->isAtomic() && load->getSyncScopeID() == kMark) load->setAtomic(llvm::AtomicOrdering::NotAtomic);
      } else if (auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction)) {
        if (store->isAtomic() && store->getSyncScopeID() == kMark) store->setAtomic(llvm::AtomicOrdering::NotAtomic);
      }
    }
}

}  // namespace anymetal::device::cpu
