#include <llvm/Analysis/ValueTracking.h>
#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/IntrinsicInst.h>
#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Module.h>

#include "device/cpu/lane_emitter.hpp"

namespace anymetal::device::cpu {
namespace {

/// Of the private arrays of one lane: those of 32 lanes lie on the stack at once.
constexpr std::uint64_t kMostPrivateBytes = 32U << 10U;

bool is_reduction(llvm::Intrinsic::ID id) {
  switch (id) {
    case llvm::Intrinsic::vector_reduce_add:
    case llvm::Intrinsic::vector_reduce_mul:
    case llvm::Intrinsic::vector_reduce_and:
    case llvm::Intrinsic::vector_reduce_or:
    case llvm::Intrinsic::vector_reduce_xor:
    case llvm::Intrinsic::vector_reduce_fadd:
    case llvm::Intrinsic::vector_reduce_fmul:
      return true;
    default:
      return false;
  }
}

llvm::Instruction::BinaryOps reduction_operation(llvm::Intrinsic::ID id) {
  switch (id) {
    case llvm::Intrinsic::vector_reduce_add:
      return llvm::Instruction::Add;
    case llvm::Intrinsic::vector_reduce_mul:
      return llvm::Instruction::Mul;
    case llvm::Intrinsic::vector_reduce_and:
      return llvm::Instruction::And;
    case llvm::Intrinsic::vector_reduce_or:
      return llvm::Instruction::Or;
    case llvm::Intrinsic::vector_reduce_xor:
      return llvm::Instruction::Xor;
    case llvm::Intrinsic::vector_reduce_fadd:
      return llvm::Instruction::FAdd;
    default:
      return llvm::Instruction::FMul;
  }
}

/// Hints, and markers that mean nothing once the function is rewritten.
bool is_ignored(llvm::Intrinsic::ID id) {
  return id == llvm::Intrinsic::assume || id == llvm::Intrinsic::lifetime_start ||
         id == llvm::Intrinsic::lifetime_end || id == llvm::Intrinsic::experimental_noalias_scope_decl ||
         id == llvm::Intrinsic::dbg_value || id == llvm::Intrinsic::dbg_declare;
}

bool plain_type(llvm::Type* type) {
  auto* scalar = type->getScalarType();
  if (type->isVectorTy() && !llvm::isa<llvm::FixedVectorType>(type)) return false;
  return type->isVoidTy() || scalar->isFloatingPointTy() || scalar->isPointerTy() ||
         (scalar->isIntegerTy() && scalar->getIntegerBitWidth() <= 64);
}

std::string private_obstacle(const llvm::AllocaInst& variable, const llvm::DataLayout& layout) {
  if (!variable.isStaticAlloca()) return "a variable of run-time size";
  std::uint64_t element = 0;
  llvm::SmallVector<const llvm::Value*, 8> pointers{&variable};
  while (!pointers.empty()) {
    const auto* pointer = pointers.pop_back_val();
    for (const auto* user : pointer->users()) {
      const auto* load = llvm::dyn_cast<llvm::LoadInst>(user);
      const auto* store = llvm::dyn_cast<llvm::StoreInst>(user);
      if (llvm::isa<llvm::GetElementPtrInst>(user) && user->getType()->isPointerTy()) {
        pointers.push_back(user);
      } else if (load || (store && store->getValueOperand() != pointer)) {
        auto* type = load ? load->getType() : store->getValueOperand()->getType();
        const auto bytes = layout.getTypeStoreSize(type->getScalarType()).getFixedValue();
        const auto alignment =
            llvm::getLoadStoreAlignment(const_cast<llvm::Value*>(static_cast<const llvm::Value*>(user)));
        if (element == 0) element = bytes;
        if (bytes != element || alignment.value() < bytes || type->getScalarType()->isIntegerTy(1))
          return "a private array is accessed in elements of several sizes";
      } else if (const auto* call = llvm::dyn_cast<llvm::IntrinsicInst>(user); call) {
        if (call->isLifetimeStartOrEnd()) continue;
        const bool constant_fill = call->getIntrinsicID() == llvm::Intrinsic::memset &&
                                   llvm::isa<llvm::ConstantInt>(call->getArgOperand(1)) &&
                                   llvm::isa<llvm::ConstantInt>(call->getArgOperand(2)) && pointer == &variable;
        if (!constant_fill) return "a private array is copied as a block of memory";
      } else {
        return "the address of a private array is kept or compared";
      }
    }
  }
  return {};
}

std::string call_obstacle(const llvm::CallInst& call) {
  if (sync_operation(call)) return {};
  const auto id = call.getIntrinsicID();
  if (is_ignored(id) || is_reduction(id) || llvm::isTriviallyVectorizable(id)) return {};
  if (llvm::isa<llvm::MemIntrinsic>(call)) return {};  // private_obstacle() has looked at those of private memory
  return "it calls '" + call.getCalledFunction()->getName().str() + "'";
}

}  // namespace

std::string lanes_obstacle(const llvm::Function& function) {
  const auto& layout = function.getParent()->getDataLayout();
  std::uint64_t private_bytes = 0;
  for (const auto& block : function)
    for (const auto& instruction : block) {
      if (const auto* variable = llvm::dyn_cast<llvm::AllocaInst>(&instruction)) {
        if (auto reason = private_obstacle(*variable, layout); !reason.empty()) return reason;
        private_bytes += variable->getAllocationSize(layout)->getFixedValue();
        if (private_bytes > kMostPrivateBytes)
          return "its private arrays are too large for all lanes to have theirs on the stack at once";
        continue;
      }
      if (const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction)) {
        if (auto reason = call_obstacle(*call); !reason.empty()) return reason;
        continue;
      }
      if (llvm::isa<llvm::SwitchInst, llvm::IndirectBrInst, llvm::AtomicCmpXchgInst, llvm::ExtractValueInst,
                    llvm::InsertValueInst, llvm::VAArgInst>(instruction))
        return "it contains '" + std::string(instruction.getOpcodeName()) + "'";
      if (!plain_type(instruction.getType()))
        return "it has a value of a type made of several parts in '" + std::string(instruction.getOpcodeName()) + "'";
      if (const auto* step = llvm::dyn_cast<llvm::GetElementPtrInst>(&instruction);
          step && step->getType()->isVectorTy())
        return "it has a vector of pointers";
      if (llvm::isa<llvm::LoadInst>(instruction) && instruction.getType()->getScalarType()->isIntegerTy(1))
        return "it loads single bits";
      if (const auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction))
        if (store->getValueOperand()->getType()->getScalarType()->isIntegerTy(1)) return "it stores single bits";
    }
  return {};
}

void LaneEmitter::emit_instruction(Instruction& instruction) {
  if (llvm::isa<llvm::AllocaInst>(instruction)) return define(instruction, {builder_.getInt64(0), {}});
  if (auto* step = llvm::dyn_cast<llvm::GetElementPtrInst>(&instruction); step && private_variable(step))
    return emit_private_address(instruction);
  if (auto* store = llvm::dyn_cast<llvm::StoreInst>(&instruction)) {
    if (store->isAtomic()) return emit_lane_by_lane(instruction);
    return emit_store(*store);
  }
  if (auto* fence = llvm::dyn_cast<llvm::FenceInst>(&instruction)) {
    builder_.CreateFence(fence->getOrdering(), fence->getSyncScopeID());
    return;
  }
  if (llvm::isa<llvm::AtomicRMWInst>(instruction)) return emit_lane_by_lane(instruction);
  if (auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction)) {
    if (const auto operation = sync_operation(*call)) return emit_sync(*call, *operation);
    if (is_ignored(call->getIntrinsicID())) return;
    if (const auto* block = llvm::dyn_cast<llvm::MemIntrinsic>(call)) {
      if (private_variable(block->getDest())) return emit_private_fill(*call);
      return shapes_.of(call).is_uniform() ? emit_uniform(instruction) : emit_lane_by_lane(instruction);
    }
  }
  const auto shape = shapes_.of(&instruction);
  if (shape.is_uniform()) return emit_uniform(instruction);
  if (shape.is_linear()) return emit_linear(instruction);
  if (auto* load = llvm::dyn_cast<llvm::LoadInst>(&instruction)) {
    const bool is_plain = !load->isAtomic() && !load->isVolatile();
    return is_plain || private_variable(load->getPointerOperand()) ? emit_load(*load) : emit_lane_by_lane(instruction);
  }
  emit_divergent(instruction);
}

void LaneEmitter::emit_uniform(Instruction& instruction) {
  auto* copy = instruction.clone();
  for (auto& operand : copy->operands()) operand = first(operand.get());
  copy->dropUnknownNonDebugMetadata();
  builder_.Insert(copy);
  define(instruction, {copy, {}});
}

void LaneEmitter::emit_linear(Instruction& instruction) {
  // Lanes count up from a multiple of their number: lane 0's own number is known.
  if (shapes_.is_lane_number(&instruction))
    return define(instruction, {llvm::ConstantInt::get(instruction.getType(), 0), {}});
  define(instruction, {linear_copy(instruction, [&](Value* operand) { return first(operand); }), {}});
}

llvm::Value* LaneEmitter::emit_component(Instruction& instruction, unsigned component) {
  if (near_.contains(&instruction)) return emit_distances(instruction);
  auto operand = [&](unsigned i) { return lanes(instruction.getOperand(i), component); };
  auto* type = widened(component_type(instruction.getType(), component));
  Value* result = nullptr;
  if (const auto* cast = llvm::dyn_cast<llvm::CastInst>(&instruction)) {
    result = builder_.CreateCast(cast->getOpcode(), operand(0), type);
  } else if (const auto* unary = llvm::dyn_cast<llvm::UnaryOperator>(&instruction)) {
    result = builder_.CreateUnOp(unary->getOpcode(), operand(0));
  } else if (const auto* compare = llvm::dyn_cast<llvm::CmpInst>(&instruction)) {
    result = builder_.CreateCmp(compare->getPredicate(), operand(0), operand(1));
  } else if (llvm::isa<llvm::FreezeInst>(instruction)) {
    result = builder_.CreateFreeze(operand(0));
  } else if (llvm::isa<llvm::SelectInst>(instruction)) {
    auto* condition = instruction.getOperand(0);
    const bool scalar = !condition->getType()->isVectorTy() && shapes_.of(condition).is_uniform();
    auto* chosen = scalar ? first(condition) : lanes(condition, condition->getType()->isVectorTy() ? component : 0);
    result = builder_.CreateSelect(chosen, operand(1), operand(2));
  } else if (const auto* binary = llvm::dyn_cast<llvm::BinaryOperator>(&instruction)) {
    auto* right = operand(1);
    // Lanes elsewhere must not divide by whatever they have.
    if (binary->isIntDivRem() && !full_ && !llvm::isa<llvm::Constant>(right))
      right = builder_.CreateSelect(active(), right, llvm::ConstantInt::get(right->getType(), 1));
    result = builder_.CreateBinOp(binary->getOpcode(), operand(0), right);
  } else if (auto* step = llvm::dyn_cast<llvm::GetElementPtrInst>(&instruction)) {
    llvm::SmallVector<Value*, 4> indices;
    for (auto& index : step->indices()) indices.push_back(shapes_.of(index).is_uniform() ? first(index) : lanes(index));
    auto* pointer = step->getPointerOperand();
    auto* base = shapes_.of(pointer).is_uniform() ? first(pointer) : lanes(pointer);
    result = builder_.CreateGEP(step->getSourceElementType(), base, indices);
  } else {
    llvm_unreachable("lanes_obstacle() lets no other instruction pass");
  }
  if (auto* made = llvm::dyn_cast<Instruction>(result); made && made->getOpcode() == instruction.getOpcode())
    made->copyIRFlags(&instruction);
  return result;
}

void LaneEmitter::emit_divergent(Instruction& instruction) {
  if (auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction)) return emit_intrinsic(*call);
  if (auto* shuffle = llvm::dyn_cast<llvm::ShuffleVectorInst>(&instruction)) return emit_shuffle_vector(*shuffle);
  if (llvm::isa<llvm::ExtractElementInst, llvm::InsertElementInst>(instruction))
    return emit_element_access(instruction);
  if (llvm::isa<llvm::BitCastInst>(instruction) &&
      (instruction.getType()->isVectorTy() || instruction.getOperand(0)->getType()->isVectorTy()))
    return emit_bitcast(instruction);
  llvm::SmallVector<Value*, 4> components;
  for (unsigned c = 0; c < component_count(instruction.getType()); ++c)
    components.push_back(emit_component(instruction, c));
  define_lanes(instruction, components);
}

void LaneEmitter::emit_shuffle_vector(llvm::ShuffleVectorInst& shuffle) {
  const auto width = component_count(shuffle.getOperand(0)->getType());
  llvm::SmallVector<Value*, 4> components;
  for (const int pick : shuffle.getShuffleMask()) {
    const auto from = static_cast<unsigned>(pick);
    components.push_back(pick < 0       ? llvm::PoisonValue::get(widened(shuffle.getType()->getScalarType()))
                         : from < width ? lanes(shuffle.getOperand(0), from)
                                        : lanes(shuffle.getOperand(1), from - width));
  }
  define_lanes(shuffle, components);
}

void LaneEmitter::emit_element_access(Instruction& instruction) {
  auto* insert = llvm::dyn_cast<llvm::InsertElementInst>(&instruction);
  auto* vector = instruction.getOperand(0);
  auto* index = instruction.getOperand(insert ? 2 : 1);
  const auto width = component_count(vector->getType());
  const auto* constant = llvm::dyn_cast<llvm::ConstantInt>(index);
  auto at = [&](unsigned c) -> Value* {
    if (constant) return builder_.getInt1(constant->getZExtValue() == c);
    auto* number = lanes(index);
    return builder_.CreateICmpEQ(number, llvm::ConstantInt::get(number->getType(), c));
  };
  llvm::SmallVector<Value*, 4> components;
  if (insert) {
    auto* element = lanes(instruction.getOperand(1));
    for (unsigned c = 0; c < width; ++c) components.push_back(builder_.CreateSelect(at(c), element, lanes(vector, c)));
  } else {
    Value* element = lanes(vector, constant ? static_cast<unsigned>(constant->getZExtValue()) : 0);
    for (unsigned c = 1; !constant && c < width; ++c) element = builder_.CreateSelect(at(c), lanes(vector, c), element);
    components.push_back(element);
  }
  define_lanes(instruction, components);
}

void LaneEmitter::emit_bitcast(Instruction& instruction) {
  auto* source = instruction.getOperand(0);
  auto* from = source->getType();
  auto* to = instruction.getType();
  const auto from_count = component_count(from);
  const auto to_count = component_count(to);
  const auto from_bits = from->getScalarSizeInBits();
  const auto to_bits = to->getScalarSizeInBits();
  auto integer = [&](unsigned bits) { return widened(builder_.getIntNTy(bits)); };
  auto* result_type = widened(to->getScalarType());
  llvm::SmallVector<Value*, 4> components;
  for (unsigned c = 0; c < to_count; ++c) {
    if (from_bits >= to_bits) {
      const auto parts = from_bits / to_bits;
      Value* whole = builder_.CreateBitCast(lanes(source, c / parts), integer(from_bits));
      whole = builder_.CreateTrunc(builder_.CreateLShr(whole, (c % parts) * to_bits), integer(to_bits));
      components.push_back(builder_.CreateBitCast(whole, result_type));
    } else {
      const auto parts = from_count / to_count;
      Value* whole = llvm::Constant::getNullValue(integer(to_bits));
      for (unsigned part = 0; part < parts; ++part) {
        // The fourth of three elements may be poison, and must not take the third with it.
        Value* bits =
            builder_.CreateFreeze(builder_.CreateBitCast(lanes(source, c * parts + part), integer(from_bits)));
        bits = builder_.CreateShl(builder_.CreateZExt(bits, integer(to_bits)), part * from_bits);
        whole = builder_.CreateOr(whole, bits);
      }
      components.push_back(builder_.CreateBitCast(whole, result_type));
    }
  }
  define_lanes(instruction, components);
}

void LaneEmitter::emit_intrinsic(llvm::CallInst& call) {
  const auto id = call.getIntrinsicID();
  if (is_reduction(id)) {
    const bool has_start = call.arg_size() == 2;
    auto* vector = call.getArgOperand(has_start ? 1 : 0);
    Value* total = has_start ? lanes(call.getArgOperand(0)) : lanes(vector, 0);
    for (unsigned c = has_start ? 0 : 1; c < component_count(vector->getType()); ++c) {
      total = builder_.CreateBinOp(reduction_operation(id), total, lanes(vector, c));
      if (auto* made = llvm::dyn_cast<Instruction>(total); made && llvm::isa<llvm::FPMathOperator>(made))
        made->copyFastMathFlags(&call);
    }
    return define_lanes(call, {total});
  }
  llvm::SmallVector<Value*, 4> components;
  for (unsigned c = 0; c < component_count(call.getType()); ++c) {
    auto* result_type = widened(call.getType()->getScalarType());
    llvm::SmallVector<llvm::Type*, 3> overloads;
    if (llvm::isVectorIntrinsicWithOverloadTypeAtArg(id, -1)) overloads.push_back(result_type);
    llvm::SmallVector<Value*, 4> arguments;
    for (unsigned i = 0; i < call.arg_size(); ++i) {
      const bool scalar = llvm::isVectorIntrinsicWithScalarOpAtArg(id, i);
      arguments.push_back(scalar ? first(call.getArgOperand(i)) : lanes(call.getArgOperand(i), c));
      if (llvm::isVectorIntrinsicWithOverloadTypeAtArg(id, static_cast<int>(i)))
        overloads.push_back(arguments.back()->getType());
    }
    auto* made = builder_.CreateIntrinsic(id, overloads, arguments);
    if (llvm::isa<llvm::FPMathOperator>(made)) made->copyFastMathFlags(&call);
    components.push_back(made);
  }
  define_lanes(call, components);
}

}  // namespace anymetal::device::cpu
