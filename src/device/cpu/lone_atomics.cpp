#include "device/cpu/lone_atomics.hpp"

#include <llvm/ADT/STLExtras.h>
#include <llvm/Analysis/ValueTracking.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/Transforms/Utils/BasicBlockUtils.h>
#include <llvm/Transforms/Utils/LowerAtomic.h>

#include "device/cpu/group_context_ir.hpp"
#include "device/cpu/thread_function.hpp"

namespace anymetal::device::cpu {
namespace {

constexpr const char* kMark = "anymetal.of.buffer";

const llvm::Value* address_of(const llvm::Instruction& instruction) {
  if (const auto* update = llvm::dyn_cast<llvm::AtomicRMWInst>(&instruction)) return update->getPointerOperand();
  const auto* exchange = llvm::dyn_cast<llvm::AtomicCmpXchgInst>(&instruction);
  return exchange ? exchange->getPointerOperand() : nullptr;
}

void make_plain(llvm::Instruction& instruction) {
  if (auto* update = llvm::dyn_cast<llvm::AtomicRMWInst>(&instruction)) {
    llvm::lowerAtomicRMWInst(update);
  } else {
    llvm::lowerAtomicCmpXchgInst(llvm::cast<llvm::AtomicCmpXchgInst>(&instruction));
  }
}

void choose_form(llvm::Instruction& atomic, llvm::Value* is_alone) {
  llvm::Instruction *alone = nullptr, *together = nullptr;
  llvm::SplitBlockAndInsertIfThenElse(is_alone, &atomic, &alone, &together);
  auto* join = atomic.getParent();
  auto* plain = atomic.clone();
  plain->insertBefore(alone);
  auto* result = llvm::PHINode::Create(atomic.getType(), 2, "", join->begin());
  atomic.replaceAllUsesWith(result);
  atomic.moveBefore(together);
  atomic.setMetadata(kMark, nullptr);
  result->addIncoming(plain, alone->getParent());
  result->addIncoming(&atomic, together->getParent());
  make_plain(*plain);
}

}  // namespace

void mark_buffer_atomics(const ThreadFunction& thread) {
  const auto is_buffer = [&](const llvm::Value* object) {
    const auto* argument = llvm::dyn_cast<llvm::Argument>(object);
    return argument && argument->getArgNo() < thread.argument_count;
  };
  for (auto& instruction : llvm::instructions(*thread.function)) {
    const auto* address = address_of(instruction);
    if (!address) continue;
    llvm::SmallVector<const llvm::Value*, 4> objects;
    llvm::getUnderlyingObjects(address, objects, nullptr, 0);
    if (!objects.empty() && llvm::all_of(objects, is_buffer))
      instruction.setMetadata(kMark, llvm::MDNode::get(instruction.getContext(), {}));
  }
}

void make_atomics_plain_where_alone(llvm::Function& run) {
  llvm::SmallVector<llvm::Instruction*, 8> marked;
  for (auto& instruction : llvm::instructions(run))
    if (instruction.getMetadata(kMark)) marked.push_back(&instruction);
  if (marked.empty()) return;
  llvm::IRBuilder<> builder(&*run.getEntryBlock().getFirstInsertionPt());
  const GroupContextIr context(builder, run.getArg(0));
  auto* is_alone = builder.CreateIsNotNull(context.load_size(offsetof(GroupContext, is_alone), 0));
  for (auto* atomic : marked) choose_form(*atomic, is_alone);
}

}  // namespace anymetal::device::cpu
