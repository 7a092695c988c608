#include <llvm/Analysis/ConstantFolding.h>
#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/Intrinsics.h>

#include "device/cpu/lane_emitter.hpp"

namespace anymetal::device::cpu {

void LaneEmitter::emit_sync(llvm::CallInst& call, const SyncOperation& operation) {
  using Kind = SyncOperation::Kind;
  switch (operation.kind) {
    case Kind::ThreadgroupBarrier:
      return emit_barrier();
    case Kind::SimdgroupBarrier:
      return;  // the lanes of a simdgroup run in step
    case Kind::MultiplyAccumulate:
      return emit_matrix(call);
    case Kind::Reduce:
      return define(call, {emit_reduction(builder_, operation, active(), lanes(call.getArgOperand(0))), {}});
    case Kind::Ballot: {
      auto* votes = emit_ballot(builder_, active(), builder_.CreateFreeze(lanes(call.getArgOperand(0))));
      return define(call, {builder_.CreateZExt(votes, call.getType()), {}});
    }
    case Kind::Shuffle: {
      auto* result = emit_shuffle(call);
      if (shapes_.of(&call).is_uniform()) return define(call, {result, {}});
      return define_lanes(call, {result});
    }
    default:
      return define_lanes(call, {emit_scan(builder_, operation, active(), lanes(call.getArgOperand(0)))});
  }
}

llvm::Constant* LaneEmitter::follows_from_number(Value* original) const {
  if (auto* constant = llvm::dyn_cast<llvm::Constant>(original))
    return llvm::ConstantVector::getSplat(llvm::ElementCount::getFixed(width_), constant);
  auto* instruction = llvm::dyn_cast<Instruction>(original);
  if (!instruction) return nullptr;
  if (shapes_.is_lane_number(instruction)) {
    llvm::SmallVector<llvm::Constant*, kSimdWidth> numbers;
    for (unsigned lane = 0; lane < width_; ++lane)
      numbers.push_back(llvm::ConstantInt::get(instruction->getType(), lane));
    return llvm::ConstantVector::get(numbers);
  }
  if (!llvm::isa<llvm::BinaryOperator, llvm::CastInst>(instruction)) return nullptr;
  llvm::SmallVector<llvm::Constant*, 2> operands;
  for (auto& operand : instruction->operands()) {
    operands.push_back(follows_from_number(operand.get()));
    if (!operands.back()) return nullptr;
  }
  if (operands.size() == 2)
    return llvm::ConstantFoldBinaryOpOperands(instruction->getOpcode(), operands[0], operands[1], layout_);
  auto* type = widened(instruction->getType());
  return llvm::ConstantFoldCastOperand(instruction->getOpcode(), operands[0], type, layout_);
}

llvm::Value* LaneEmitter::emit_shuffle(llvm::CallInst& call) {
  auto* value = call.getArgOperand(0);
  auto* source = call.getArgOperand(1);
  if (shapes_.of(&call).is_uniform()) {
    const auto shape = shapes_.of(value);
    if (shape.is_uniform()) return first(value);
    if (shape.is_linear() && !shape.conditional) {
      auto* lane = builder_.CreateAnd(first(source), width_ - 1);
      auto* step = builder_.getInt32(static_cast<std::uint32_t>(shape.stride));
      return builder_.CreateAdd(first(value), builder_.CreateMul(lane, step));
    }
    return builder_.CreateExtractElement(lanes(value), builder_.CreateAnd(first(source), width_ - 1));
  }
  auto* values = lanes(value);
  Value* sources = follows_from_number(source);
  if (!sources) sources = lanes(source);
  sources = builder_.CreateAnd(sources, llvm::ConstantInt::get(sources->getType(), width_ - 1));
  if (const auto* constant = llvm::dyn_cast<llvm::Constant>(sources)) {
    llvm::SmallVector<int, kSimdWidth> picks;
    for (unsigned lane = 0; lane < width_; ++lane) {
      const auto* pick = llvm::dyn_cast_or_null<llvm::ConstantInt>(constant->getAggregateElement(lane));
      picks.push_back(pick ? static_cast<int>(pick->getZExtValue()) : -1);
    }
    return builder_.CreateShuffleVector(values, picks);
  }
  // Through memory: each lane reads its source's word.
  auto* words = spill(values, 0);
  auto* addresses = builder_.CreateGEP(builder_.getInt32Ty(), words, builder_.CreateFreeze(sources));
  return builder_.CreateMaskedGather(values->getType(), addresses, llvm::Align(4));
}

void LaneEmitter::emit_matrix(llvm::CallInst& call) {
  llvm::SmallVector<Value*, 6> operands;
  for (unsigned i = 0; i < 3; ++i)
    for (unsigned e = 0; e < 2; ++e) operands.push_back(lanes(call.getArgOperand(i), e));
  auto* product = builder_.CreateCall(multiply_accumulate_function(), operands);
  define_lanes(call, {builder_.CreateExtractValue(product, 0), builder_.CreateExtractValue(product, 1)});
}

llvm::Function* LaneEmitter::multiply_accumulate_function() {
  // One function for all places: unrolled loops over tiles would take seconds to compile with a copy in each.
  constexpr const char* kName = "lanes.multiply_accumulate";
  auto* module = target_->getParent();
  if (auto* known = module->getFunction(kName)) return known;
  auto& context = module->getContext();
  llvm::IRBuilder<> builder(context);
  auto* vector = widened(builder.getFloatTy());
  auto* pair = llvm::StructType::get(context, {vector, vector});
  auto* type = llvm::FunctionType::get(pair, {vector, vector, vector, vector, vector, vector}, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, kName, module);
  function->addFnAttr(llvm::Attribute::NoInline);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->setDoesNotAccessMemory();
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function));
  // Row r lies in the four lanes tile_position() gives it, two elements each.
  auto tile = [&](unsigned operand) {
    Tile rows{};
    for (unsigned row = 0; row < 8; ++row) {
      std::array<int, 8> picks{};
      for (unsigned lane = 0; lane < width_; ++lane) {
        const auto position = tile_position(lane);
        if (position.row != row) continue;
        picks[position.column] = static_cast<int>(lane);
        picks[position.column + 1] = static_cast<int>(width_ + lane);
      }
      rows[row] = builder.CreateShuffleVector(function->getArg(2 * operand), function->getArg(2 * operand + 1), picks);
    }
    return rows;
  };
  const auto a = tile(0);
  const auto element = [&](unsigned row, unsigned column) { return builder.CreateExtractElement(a[row], column); };
  const auto product = emit_multiply_accumulate(builder, element, tile(1), tile(2));
  auto* all = llvm::concatenateVectors(builder, product);
  Value* result = llvm::PoisonValue::get(pair);
  for (unsigned e = 0; e < 2; ++e) {
    llvm::SmallVector<int, kSimdWidth> picks;
    for (unsigned lane = 0; lane < width_; ++lane)
      picks.push_back(static_cast<int>(tile_position(lane).row * 8 + tile_position(lane).column + e));
    result = builder.CreateInsertValue(result, builder.CreateShuffleVector(all, picks), e);
  }
  builder.CreateRet(result);
  return function;
}

}  // namespace anymetal::device::cpu
