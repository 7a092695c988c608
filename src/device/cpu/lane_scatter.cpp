// Lanes at unrelated addresses: by the processor's gathers and scatters where it has them, else by a small function.
// One function per element size is much less code than a copy at each place.

#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include "device/cpu/lane_emitter.hpp"

namespace anymetal::device::cpu {
namespace {

llvm::Type* bits_of(llvm::IRBuilder<>& builder, llvm::Type* element) {
  return element->isPointerTy() ? builder.getInt64Ty() : builder.getIntNTy(element->getScalarSizeInBits());
}

enum SpillRole : unsigned { kAddresses, kElements, kOperands };

}  // namespace

llvm::Function* LaneEmitter::narrow_gather_function(unsigned bytes) {
  // <32 x iN>(<32 x ptr> pointers, i32 mask)
  auto* module = target_->getParent();
  const auto name = "lanes.gather.narrow." + std::to_string(bytes);
  if (auto* known = module->getFunction(name)) return known;
  auto& context = module->getContext();
  llvm::IRBuilder<> builder(context);
  auto* word = widened(builder.getInt32Ty());
  auto* wide = widened(builder.getInt64Ty());
  auto* result = widened(builder.getIntNTy(8 * bytes));
  auto* pointers_type = widened(builder.getPtrTy());
  auto* type = llvm::FunctionType::get(result, {pointers_type, builder.getInt32Ty()}, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoInline);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->setOnlyReadsMemory();
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  // The aligned word around the element: it lies in the same page, so it can be read wherever the element can.
  auto* pointers = function->getArg(0);
  auto* addresses = builder.CreatePtrToInt(pointers, wide);
  auto* within = builder.CreateAnd(addresses, llvm::ConstantInt::get(wide, 3));
  auto* aligned = builder.CreateGEP(builder.getInt8Ty(), pointers, builder.CreateNeg(within));
  auto* bits_here = builder.CreateTrunc(function->getArg(1), builder.getIntNTy(width_));
  auto* active = builder.CreateBitCast(bits_here, widened(builder.getInt1Ty()));
  auto* words = builder.CreateMaskedGather(word, aligned, llvm::Align(4), active);
  auto* bits = builder.CreateShl(builder.CreateTrunc(within, word), 3);
  builder.CreateRet(builder.CreateTrunc(builder.CreateLShr(words, bits), result));
  return function;
}

llvm::SmallVector<llvm::Value*, 4> LaneEmitter::gather(llvm::Type* element, unsigned count, Value* pointers,
                                                       llvm::Align alignment) {
  const auto bytes = static_cast<unsigned>(layout_.getTypeStoreSize(element).getFixedValue());
  auto* type = widened(element);
  auto* words = widened(builder_.getInt32Ty());
  const bool native =
      costs_.isLegalMaskedGather(words, llvm::Align(4)) && !costs_.forceScalarizeMaskedGather(words, llvm::Align(4));
  llvm::SmallVector<Value*, 4> components;
  if (native && (bytes >= 4 || alignment.value() >= bytes)) {
    for (unsigned c = 0; c < count; ++c) {
      auto* at = c ? builder_.CreateGEP(builder_.getInt8Ty(), pointers, builder_.getInt64(c * bytes)) : pointers;
      components.push_back(
          bytes >= 4 ? builder_.CreateMaskedGather(type, at, llvm::commonAlignment(alignment, c * bytes), active())
                     : builder_.CreateBitCast(builder_.CreateCall(narrow_gather_function(bytes), {at, mask_}), type));
    }
    return components;
  }
  auto* addresses = spill(pointers, kAddresses);
  auto* copied = widened(bits_of(builder_, element));
  for (unsigned c = 0; c < count; ++c) {
    auto* elements = spill(llvm::PoisonValue::get(copied), kElements);
    builder_.CreateCall(copy_function(true, bytes), {addresses, elements, mask_, builder_.getInt64(c * bytes)});
    components.push_back(builder_.CreateAlignedLoad(type, elements, llvm::Align(64)));
  }
  return components;
}

void LaneEmitter::scatter(Value* pointers, llvm::ArrayRef<Value*> components, llvm::Align alignment) {
  auto* type = components.front()->getType();
  const auto bytes = static_cast<unsigned>(layout_.getTypeStoreSize(type->getScalarType()).getFixedValue());
  if (bytes >= 4 && costs_.isLegalMaskedScatter(type, alignment)) {
    for (unsigned c = 0; c < components.size(); ++c) {
      auto* at = c ? builder_.CreateGEP(builder_.getInt8Ty(), pointers, builder_.getInt64(c * bytes)) : pointers;
      builder_.CreateMaskedScatter(components[c], at, llvm::commonAlignment(alignment, c * bytes), active());
    }
    return;
  }
  auto* addresses = spill(pointers, kAddresses);
  auto* copied = widened(bits_of(builder_, type->getScalarType()));
  for (unsigned c = 0; c < components.size(); ++c) {
    auto* elements = spill(builder_.CreateBitOrPointerCast(components[c], copied), kElements);
    builder_.CreateCall(copy_function(false, bytes), {addresses, elements, mask_, builder_.getInt64(c * bytes)});
  }
}

llvm::Function* LaneEmitter::copy_function(bool to_lanes, unsigned bytes) {
  // void(ptr addresses, ptr elements, i32 mask, i64 offset): element of each lane in the mask at its address + offset.
  auto* module = target_->getParent();
  const auto name = (to_lanes ? "lanes.gather." : "lanes.scatter.") + std::to_string(bytes);
  if (auto* known = module->getFunction(name)) return known;
  auto& context = module->getContext();
  llvm::IRBuilder<> builder(context);
  auto* pointer = builder.getPtrTy();
  auto* type = llvm::FunctionType::get(builder.getVoidTy(),
                                       {pointer, pointer, builder.getInt32Ty(), builder.getInt64Ty()}, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoInline);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  auto* entry = llvm::BasicBlock::Create(context, "entry", function);
  auto* loop = llvm::BasicBlock::Create(context, "lane", function);
  auto* end = llvm::BasicBlock::Create(context, "end", function);
  builder.SetInsertPoint(entry);
  builder.CreateBr(loop);  // a block runs for one lane at least
  builder.SetInsertPoint(loop);
  auto* left = builder.CreatePHI(builder.getInt32Ty(), 2);
  left->addIncoming(function->getArg(2), entry);
  auto* first = builder.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, left, builder.getTrue());
  auto* lane = builder.CreateZExt(first, builder.getInt64Ty());
  auto* address = builder.CreateLoad(pointer, builder.CreateInBoundsGEP(pointer, function->getArg(0), lane));
  auto* memory = builder.CreateGEP(builder.getInt8Ty(), address, function->getArg(3));
  auto* element = builder.getIntNTy(8 * bytes);
  auto* own = builder.CreateInBoundsGEP(element, function->getArg(1), lane);
  if (to_lanes) {
    builder.CreateAlignedStore(builder.CreateAlignedLoad(element, memory, llvm::Align(1)), own, llvm::Align(bytes));
  } else {
    builder.CreateAlignedStore(builder.CreateAlignedLoad(element, own, llvm::Align(bytes)), memory, llvm::Align(1));
  }
  auto* rest = builder.CreateAnd(left, builder.CreateSub(left, builder.getInt32(1)));
  left->addIncoming(rest, loop);
  builder.CreateCondBr(builder.CreateIsNull(rest), end, loop);
  builder.SetInsertPoint(end);
  builder.CreateRetVoid();
  return function;
}

void LaneEmitter::for_each_active(const std::function<void(Value*)>& body) {
  auto* before = builder_.GetInsertBlock();
  auto* loop = new_block("lane");
  auto* after = new_block("lanes.end");
  builder_.CreateBr(loop);  // a block runs for one lane at least
  builder_.SetInsertPoint(loop);
  auto* left = builder_.CreatePHI(builder_.getInt32Ty(), 2);
  left->addIncoming(mask_, before);
  auto* lane = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, left, builder_.getTrue());
  body(builder_.CreateZExt(lane, builder_.getInt64Ty()));
  auto* rest = builder_.CreateAnd(left, builder_.CreateSub(left, builder_.getInt32(1)));
  left->addIncoming(rest, builder_.GetInsertBlock());
  builder_.CreateCondBr(builder_.CreateIsNull(rest), after, loop);
  builder_.SetInsertPoint(after);
}

llvm::Value* LaneEmitter::spill(Value* vector, unsigned role) {
  if (vector->getType()->getScalarType()->isIntegerTy(1))
    vector = builder_.CreateZExt(vector, widened(builder_.getInt8Ty()));
  auto*& slot = spills_[{vector->getType(), role}];
  if (!slot) {
    slot = stack_slot(vector->getType(), "spill");
    slot->setAlignment(llvm::Align(64));
  }
  if (!llvm::isa<llvm::PoisonValue>(vector)) builder_.CreateAlignedStore(vector, slot, slot->getAlign());
  return slot;
}

llvm::Value* LaneEmitter::lane_of(Value* spilled, llvm::Type* element, Value* lane) {
  auto* memory = element->isIntegerTy(1) ? builder_.getInt8Ty() : element;
  auto* value = builder_.CreateLoad(memory, builder_.CreateInBoundsGEP(memory, spilled, lane));
  return element->isIntegerTy(1) ? builder_.CreateTrunc(value, element) : static_cast<Value*>(value);
}

void LaneEmitter::emit_lane_by_lane(Instruction& instruction) {
  llvm::SmallVector<Value*, 4> spilled;
  for (unsigned i = 0; i < instruction.getNumOperands(); ++i) {
    auto* operand = instruction.getOperand(i);
    spilled.push_back(llvm::isa<llvm::Constant>(operand) ? nullptr : spill(lanes(operand), kOperands + i));
  }
  auto* type = instruction.getType();
  auto* element = type->getScalarType();
  llvm::SmallVector<llvm::AllocaInst*, 4> results;  // one for each component
  for (unsigned c = 0; !type->isVoidTy() && c < component_count(type); ++c) {
    results.push_back(stack_slot(widened(element)));
  }
  for_each_active([&](Value* lane) {
    auto* copy = instruction.clone();
    copy->dropUnknownNonDebugMetadata();  // what does not alias within a thread may across threads
    for (unsigned i = 0; i < spilled.size(); ++i)
      if (spilled[i]) copy->setOperand(i, lane_of(spilled[i], instruction.getOperand(i)->getType(), lane));
    builder_.Insert(copy);
    for (unsigned c = 0; c < results.size(); ++c) {
      auto* component = type->isVectorTy() ? builder_.CreateExtractElement(copy, c) : copy;
      builder_.CreateStore(component, builder_.CreateInBoundsGEP(element, results[c], lane));
    }
  });
  if (results.empty()) return;
  llvm::SmallVector<Value*, 4> components;
  for (auto* result : results) {
    components.push_back(builder_.CreateAlignedLoad(result->getAllocatedType(), result, result->getAlign()));
  }
  define_lanes(instruction, components);
}

}  // namespace anymetal::device::cpu
