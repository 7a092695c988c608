#pragma once
/// \file
/// GroupContext as generated code sees it.

#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/thread_function.hpp"

#include <llvm/ADT/STLFunctionalExtras.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/IRBuilder.h>

namespace anymetal::device::cpu {

/// Loads of the context's members, emitted where the builder stands.
class GroupContextIr {
 public:
  GroupContextIr(llvm::IRBuilder<>& builder, llvm::Value* context) : builder_(builder), context_(context) {}

  [[nodiscard]] llvm::Value* load_pointer(std::size_t offset, const llvm::Twine& name = "") const;
  /// One of the three numbers of an array member.
  [[nodiscard]] llvm::Value* load_size(std::size_t offset, unsigned dimension, const llvm::Twine& name = "") const;
  /// Arguments of a thread function up to its geometry: the kernel's own, then static threadgroup memory.
  [[nodiscard]] llvm::SmallVector<llvm::Value*, 48> thread_arguments(const ThreadFunction& thread) const;
  /// Appends the geometry of the group in the context: everything but the thread's own position.
  void append_group_geometry(llvm::SmallVectorImpl<llvm::Value*>& arguments) const;

 private:
  llvm::IRBuilder<>& builder_;
  llvm::Value* context_;
};

/// `for (i = 0; i < count; ++i) body(i)` with an i32 count; the body may add blocks. Returns the latch's branch.
llvm::Instruction* emit_counted_loop(llvm::IRBuilder<>& builder, llvm::Value* count, const llvm::Twine& name,
                                     llvm::function_ref<void(llvm::Value*)> body);

}  // namespace anymetal::device::cpu
