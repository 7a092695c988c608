#pragma once
/// \file
/// What each emitted instruction was made for.

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>

namespace anymetal::device::cpu {

/// A place in the thread function.
struct Origin {
  const llvm::BasicBlock* block = nullptr;
  const llvm::Instruction* instruction = nullptr;  ///< null: what happens where the block begins
  explicit operator bool() const { return block != nullptr; }
};

/// Written while a simdgroup's function is emitted, read by the verifier. Kept as metadata, so that an instruction that
/// is moved keeps its origin.
class RegionOrigins {
 public:
  explicit RegionOrigins(llvm::LLVMContext& context);
  ~RegionOrigins();
  RegionOrigins(const RegionOrigins&) = delete;
  RegionOrigins& operator=(const RegionOrigins&) = delete;

  /// From now on `builder` makes what this instruction, the beginning of this block, or nothing asks for.
  void at(llvm::IRBuilderBase& builder, const llvm::Instruction& original);
  void at_entry(llvm::IRBuilderBase& builder, const llvm::BasicBlock& original);
  void at_nothing(llvm::IRBuilderBase& builder);
  /// A stack slot of a value; of the lanes that wait for a block; of the lanes that may reach a barrier.
  void mark_slot(llvm::AllocaInst& slot, const llvm::Instruction& original);
  void mark_waiting(llvm::AllocaInst& slot, const llvm::BasicBlock& original);
  void mark_live(const llvm::AllocaInst& slot) { live_ = &slot; }
  /// `phi` takes what is in the slots of `owner`.
  void mark_shared(const llvm::PHINode& phi, const llvm::PHINode& owner) { shared_[&phi] = &owner; }
  /// The lanes' copies of a private variable.
  void mark_private(const llvm::AllocaInst& memory) { private_.insert(&memory); }

  [[nodiscard]] Origin of(const llvm::Instruction& made) const;
  [[nodiscard]] const llvm::AllocaInst* live() const { return live_; }
  /// Phis without slots of their own, and whose they take.
  [[nodiscard]] const llvm::DenseMap<const llvm::PHINode*, const llvm::PHINode*>& shared() const { return shared_; }
  [[nodiscard]] bool is_private(const llvm::AllocaInst& memory) const { return private_.contains(&memory); }
  /// Takes the metadata out of a function.
  void strip(llvm::Function& made) const;

 private:
  llvm::MDNode* node(Origin origin);
  void use(llvm::IRBuilderBase& builder, llvm::MDNode* node);

  llvm::LLVMContext& context_;
  unsigned kind_;
  llvm::Instruction* carrier_;  ///< builders copy metadata from an instruction only
  llvm::DenseMap<const llvm::Value*, llvm::MDNode*> nodes_;
  llvm::DenseMap<const llvm::MDNode*, Origin> origins_;
  const llvm::AllocaInst* live_ = nullptr;
  llvm::DenseMap<const llvm::PHINode*, const llvm::PHINode*> shared_;
  llvm::SmallPtrSet<const llvm::AllocaInst*, 4> private_;
};

}  // namespace anymetal::device::cpu
