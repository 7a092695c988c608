#include "device/cpu/group_context_ir.hpp"

namespace anymetal::device::cpu {

llvm::Value* GroupContextIr::load_pointer(std::size_t offset, const llvm::Twine& name) const {
  auto* address = builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), context_, offset);
  return builder_.CreateLoad(builder_.getPtrTy(), address, name);
}

llvm::Value* GroupContextIr::load_size(std::size_t offset, unsigned dimension, const llvm::Twine& name) const {
  auto* address =
      builder_.CreateConstInBoundsGEP1_64(builder_.getInt8Ty(), context_, offset + dimension * sizeof(std::uint32_t));
  return builder_.CreateLoad(builder_.getInt32Ty(), address, name);
}

llvm::SmallVector<llvm::Value*, 48> GroupContextIr::thread_arguments(const ThreadFunction& thread) const {
  llvm::SmallVector<llvm::Value*, 48> values;
  auto* pointers = load_pointer(offsetof(GroupContext, arguments), "arguments");
  for (unsigned i = 0; i < thread.argument_count; ++i) {
    auto* slot = builder_.CreateConstInBoundsGEP1_64(builder_.getPtrTy(), pointers, i);
    const auto* argument = thread.function->getArg(i);
    auto* pointer = builder_.CreateLoad(builder_.getPtrTy(), slot, argument->getName());
    if (const auto bytes = argument->getDereferenceableBytes(); bytes > 0) {
      auto& context = builder_.getContext();
      const auto number = [&](std::uint64_t value) {
        return llvm::MDNode::get(context, llvm::ConstantAsMetadata::get(builder_.getInt64(value)));
      };
      pointer->setMetadata(llvm::LLVMContext::MD_dereferenceable, number(bytes));
      pointer->setMetadata(llvm::LLVMContext::MD_align, number(argument->getParamAlign().valueOrOne().value()));
      pointer->setMetadata(llvm::LLVMContext::MD_noundef, llvm::MDNode::get(context, {}));
    }
    values.push_back(pointer);
  }
  values.push_back(load_pointer(offsetof(GroupContext, threadgroup_memory), "threadgroup_memory"));
  return values;
}

void GroupContextIr::append_group_geometry(llvm::SmallVectorImpl<llvm::Value*>& arguments) const {
  for (const std::size_t member :
       {offsetof(GroupContext, group), offsetof(GroupContext, threads_per_threadgroup),
        offsetof(GroupContext, dispatch_threads_per_threadgroup), offsetof(GroupContext, groups_per_grid),
        offsetof(GroupContext, threads_per_grid)})
    for (unsigned d = 0; d < 3; ++d) arguments.push_back(load_size(member, d));
}

llvm::Instruction* emit_counted_loop(llvm::IRBuilder<>& builder, llvm::Value* count, const llvm::Twine& name,
                                     llvm::function_ref<void(llvm::Value*)> body) {
  auto* function = builder.GetInsertBlock()->getParent();
  auto& context = builder.getContext();
  auto* before = builder.GetInsertBlock();
  auto* loop = llvm::BasicBlock::Create(context, name, function);
  auto* after = llvm::BasicBlock::Create(context, name + ".end", function);
  builder.CreateCondBr(builder.CreateIsNotNull(count), loop, after);

  builder.SetInsertPoint(loop);
  auto* index = builder.CreatePHI(builder.getInt32Ty(), 2, name);
  index->addIncoming(builder.getInt32(0), before);
  body(index);
  auto* next = builder.CreateAdd(index, builder.getInt32(1), "", true, true);
  index->addIncoming(next, builder.GetInsertBlock());
  auto* latch = builder.CreateCondBr(builder.CreateICmpULT(next, count), loop, after);
  builder.SetInsertPoint(after);
  return latch;
}

}  // namespace anymetal::device::cpu
