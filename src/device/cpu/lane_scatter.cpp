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

llvm::Function* LaneEmitter::narrow_gather_function(unsigned bytes, bool near) {
  // <32 x iN>(<32 x ptr> pointers, i32 mask), or <32 x iN>(ptr middle, <32 x i32> distances, i32 mask)
  auto* module = target_->getParent();
  const auto name = std::string(near ? "lanes.gather.near." : "lanes.gather.narrow.") + std::to_string(bytes);
  if (auto* known = module->getFunction(name)) return known;
  auto& context = module->getContext();
  llvm::IRBuilder<> builder(context);
  auto* word = widened(builder.getInt32Ty());
  auto* number = near ? word : widened(builder.getInt64Ty());
  auto* result = widened(builder.getIntNTy(8 * bytes));
  llvm::SmallVector<llvm::Type*, 3> types;
  if (near) types.push_back(builder.getPtrTy());
  types.append({near ? word : widened(builder.getPtrTy()), builder.getInt32Ty()});
  auto* function = llvm::Function::Create(llvm::FunctionType::get(result, types, false),
                                          llvm::GlobalValue::InternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoInline);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->setOnlyReadsMemory();
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  // The aligned word around the element: it lies in the same page, so it can be read wherever the element can.
  Value* low = nullptr;
  if (near) {
    auto* middle =
        builder.CreateTrunc(builder.CreatePtrToInt(function->getArg(0), builder.getInt64Ty()), builder.getInt32Ty());
    low = builder.CreateAdd(function->getArg(1), builder.CreateVectorSplat(width_, middle));
  } else {
    low = builder.CreatePtrToInt(function->getArg(0), number);
  }
  auto* within = builder.CreateAnd(low, llvm::ConstantInt::get(number, 3));
  auto* aligned =
      near ? builder.CreateGEP(builder.getInt8Ty(), function->getArg(0), builder.CreateSub(function->getArg(1), within))
           : builder.CreateGEP(builder.getInt8Ty(), function->getArg(0), builder.CreateNeg(within));
  auto* bits_here = builder.CreateTrunc(function->getArg(near ? 2 : 1), builder.getIntNTy(width_));
  auto* active = builder.CreateBitCast(bits_here, widened(builder.getInt1Ty()));
  auto* words = builder.CreateMaskedGather(word, aligned, llvm::Align(4), active);
  auto* bits = builder.CreateShl(builder.CreateZExtOrTrunc(within, word), 3);
  builder.CreateRet(builder.CreateTrunc(builder.CreateLShr(words, bits), result));
  return function;
}

llvm::SmallVector<llvm::Value*, 4> LaneEmitter::gather(llvm::Type* element, unsigned count, const LaneAddresses& at,
                                                       llvm::Align alignment) {
  const auto bytes = static_cast<unsigned>(layout_.getTypeStoreSize(element).getFixedValue());
  auto* type = widened(element);
  llvm::SmallVector<Value*, 4> components;
  if (gathers_ && (bytes >= 4 || alignment.value() >= bytes)) {
    for (unsigned c = 0; c < count; ++c) {
      const auto offset = std::uint64_t{c} * bytes;
      if (bytes >= 4) {
        components.push_back(builder_.CreateMaskedGather(type, pointers_at(at, offset),
                                                         llvm::commonAlignment(alignment, offset), active()));
        continue;
      }
      llvm::SmallVector<Value*, 3> arguments;
      if (at.middle)
        arguments.append({builder_.CreateConstGEP1_64(builder_.getInt8Ty(), at.middle, offset), at.lanes});
      else
        arguments.push_back(pointers_at(at, offset));
      arguments.push_back(mask_);
      auto* function = narrow_gather_function(bytes, at.middle != nullptr);
      components.push_back(builder_.CreateBitCast(builder_.CreateCall(function, arguments), type));
    }
    return components;
  }
  auto* addresses = spill(pointers_at(at), kAddresses);
  auto* copied = widened(bits_of(builder_, element));
  for (unsigned c = 0; c < count; ++c) {
    auto* elements = spill(llvm::PoisonValue::get(copied), kElements);
    builder_.CreateCall(copy_function(true, bytes), {addresses, elements, mask_, builder_.getInt64(c * bytes)});
    components.push_back(builder_.CreateAlignedLoad(type, elements, llvm::Align(64)));
  }
  return components;
}

void LaneEmitter::scatter(const LaneAddresses& at, llvm::ArrayRef<Value*> components, llvm::Align alignment) {
  auto* type = components.front()->getType();
  const auto bytes = static_cast<unsigned>(layout_.getTypeStoreSize(type->getScalarType()).getFixedValue());
  if (bytes >= 4 && costs_.isLegalMaskedScatter(type, alignment)) {
    for (unsigned c = 0; c < components.size(); ++c) {
      const auto offset = std::uint64_t{c} * bytes;
      builder_.CreateMaskedScatter(components[c], pointers_at(at, offset), llvm::commonAlignment(alignment, offset),
                                   active());
    }
    return;
  }
  auto* addresses = spill(pointers_at(at), kAddresses);
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

void LaneEmitter::emit_each_lane(Instruction& instruction) {
  llvm::SmallVector<Value*, 2> operands;
  for (auto& operand : instruction.operands())
    operands.push_back(llvm::isa<llvm::Constant>(operand) ? nullptr : lanes(operand));
  auto* type = instruction.getType();
  Value* results = type->isVoidTy() ? nullptr : llvm::PoisonValue::get(widened(type));
  for (unsigned lane = 0; lane < width_; ++lane) {
    auto* copy = instruction.clone();
    copy->dropUnknownNonDebugMetadata();
    for (unsigned i = 0; i < operands.size(); ++i)
      if (operands[i]) copy->setOperand(i, builder_.CreateExtractElement(operands[i], lane));
    builder_.Insert(copy);
    if (results) results = builder_.CreateInsertElement(results, copy, lane);
  }
  if (results) define_lanes(instruction, {results});
}

void LaneEmitter::emit_lane_by_lane(Instruction& instruction) {
  const bool is_same =
      llvm::all_of(instruction.operands(), [&](Value* operand) { return shapes_.of(operand).is_uniform(); });
  if (llvm::isa<llvm::StoreInst>(instruction) && is_same) return emit_uniform(instruction);
  if (full_ && instruction.isAtomic()) return emit_each_lane(instruction);
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
