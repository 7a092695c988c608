#include "device/cpu/near_addresses.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/LoopInfo.h>
#include <llvm/IR/Instructions.h>

#include "device/cpu/lane_emitter.hpp"
#include "device/cpu/lane_shapes.hpp"

namespace anymetal::device::cpu {
namespace {

bool may_be_near(const llvm::Value& value) {
  return llvm::isa<llvm::GetElementPtrInst, llvm::PHINode, llvm::SelectInst, llvm::FreezeInst>(value) &&
         value.getType()->isPointerTy();
}

/// The addresses that an address is made from.
llvm::SmallVector<const llvm::Value*, 4> sources(const llvm::Instruction& address) {
  if (const auto* phi = llvm::dyn_cast<llvm::PHINode>(&address))
    return {phi->incoming_values().begin(), phi->incoming_values().end()};
  if (const auto* select = llvm::dyn_cast<llvm::SelectInst>(&address))
    return {select->getTrueValue(), select->getFalseValue()};
  return {address.getOperand(0)};
}

/// Loads and stores of plain memory, which take the address alone.
bool accesses_at(const llvm::User& user, const llvm::Value& address) {
  const auto& instruction = llvm::cast<llvm::Instruction>(user);
  if (instruction.isAtomic() || instruction.isVolatile()) return false;
  const auto* store = llvm::dyn_cast<llvm::StoreInst>(&user);
  return llvm::getLoadStorePointerOperand(&user) == &address && (!store || store->getValueOperand() != &address);
}

}  // namespace

NearAddresses::NearAddresses(const std::vector<llvm::BasicBlock*>& order, const llvm::LoopInfo& loops,
                             const LaneShapes& shapes) {
  find_buffers(order);
  llvm::SmallVector<std::pair<const llvm::PHINode*, const llvm::PHINode*>, 4> together;
  for (const llvm::BasicBlock* block : order)
    for (const auto& instruction : *block) {
      if (may_be_near(instruction) && shapes.of(&instruction).is_divergent() && buffer_of(&instruction))
        near_.insert(&instruction);
      const auto* phi = llvm::dyn_cast<llvm::PHINode>(&instruction);
      if (const auto* owner = phi && phi->getType()->isPointerTy() ? keeper_of_last(*phi, loops) : nullptr)
        together.emplace_back(phi, owner);
    }
  for (const llvm::BasicBlock* block : order)
    for (const auto& instruction : *block) {
      if (!near_.contains(&instruction)) continue;
      for (const auto* user : instruction.users())
        if (!may_be_near(*user) && !accesses_at(*user, instruction)) near_.erase(&instruction);
    }
  // What follows from one that is not near is an address of its own, and then so is what it is made from.
  bool changed = true;
  while (changed) {
    const auto before = near_.size();
    for (const llvm::BasicBlock* block : order)
      for (const auto& instruction : *block)
        if (may_be_near(instruction) && shapes.of(&instruction).is_divergent() && !near_.contains(&instruction))
          for (const auto* source : sources(instruction)) near_.erase(source);
    for (const auto& [phi, owner] : together)  // they share slots
      if (near_.contains(phi) != near_.contains(owner)) near_.erase(phi), near_.erase(owner);
    changed = near_.size() != before;
  }
}

const llvm::Argument* NearAddresses::buffer_of(const llvm::Value* address) const {
  if (const auto* argument = llvm::dyn_cast<llvm::Argument>(address)) return argument;
  return buffers_.lookup(address);
}

const llvm::Argument* NearAddresses::evaluate(const llvm::Value& address, bool& known) const {
  if (!may_be_near(address)) return nullptr;
  const llvm::Argument* buffer = nullptr;
  known = false;
  for (const auto* source : sources(llvm::cast<llvm::Instruction>(address))) {
    if (llvm::isa<llvm::Instruction>(source) && !buffers_.contains(source)) continue;  // not looked at yet
    const auto* of_source = buffer_of(source);
    if (!of_source || (known && of_source != buffer)) return known = true, nullptr;
    buffer = of_source;
    known = true;
  }
  return buffer;
}

void NearAddresses::find_buffers(const std::vector<llvm::BasicBlock*>& order) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (const llvm::BasicBlock* block : order)
      for (const auto& instruction : *block) {
        if (!instruction.getType()->isPointerTy()) continue;
        bool known = true;
        const auto* buffer = evaluate(instruction, known);
        if (!known) continue;
        const auto [before, fresh] = buffers_.try_emplace(&instruction, buffer);
        if (!fresh && before->second == buffer) continue;
        before->second = buffer;
        changed = true;
      }
  }
}

}  // namespace anymetal::device::cpu
