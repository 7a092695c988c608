#include "device/cpu/region_origins.hpp"

#include <llvm/IR/InstIterator.h>

namespace anymetal::device::cpu {

RegionOrigins::RegionOrigins(llvm::LLVMContext& context)
    : context_(context), kind_(context.getMDKindID("anymetal.origin")), carrier_(new llvm::UnreachableInst(context)) {}

RegionOrigins::~RegionOrigins() { carrier_->deleteValue(); }

llvm::MDNode* RegionOrigins::node(Origin origin) {
  const llvm::Value* key = origin.instruction;
  if (!key) key = origin.block;
  auto*& known = nodes_[key];
  if (!known) {
    known = llvm::MDNode::getDistinct(context_, {});
    origins_[known] = origin;
  }
  return known;
}

void RegionOrigins::use(llvm::IRBuilderBase& builder, llvm::MDNode* node) {
  carrier_->setMetadata(kind_, node);
  builder.CollectMetadataToCopy(carrier_, {kind_});
}

void RegionOrigins::at(llvm::IRBuilderBase& builder, const llvm::Instruction& original) {
  use(builder, node({original.getParent(), &original}));
}

void RegionOrigins::at_entry(llvm::IRBuilderBase& builder, const llvm::BasicBlock& original) {
  use(builder, node({&original, nullptr}));
}

void RegionOrigins::at_nothing(llvm::IRBuilderBase& builder) { use(builder, nullptr); }

void RegionOrigins::mark_slot(llvm::AllocaInst& slot, const llvm::Instruction& original) {
  slot.setMetadata(kind_, node({original.getParent(), &original}));
}

void RegionOrigins::mark_waiting(llvm::AllocaInst& slot, const llvm::BasicBlock& original) {
  slot.setMetadata(kind_, node({&original, nullptr}));
}

Origin RegionOrigins::of(const llvm::Instruction& made) const {
  const auto* found = made.getMetadata(kind_);
  return found ? origins_.lookup(found) : Origin{};
}

void RegionOrigins::strip(llvm::Function& made) const {
  for (auto& instruction : llvm::instructions(made)) instruction.setMetadata(kind_, nullptr);
}

}  // namespace anymetal::device::cpu
