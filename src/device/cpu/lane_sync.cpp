#include "device/cpu/lane_emitter.hpp"

#include <llvm/Analysis/VectorUtils.h>
#include <llvm/IR/Intrinsics.h>

namespace anymetal::device::cpu {

void LaneEmitter::emit_sync(llvm::CallInst& call, const SyncOperation& operation) {
  using Kind = SyncOperation::Kind;
  switch (operation.kind) {
    case Kind::ThreadgroupBarrier: return emit_barrier();
    case Kind::SimdgroupBarrier: return;  // the lanes of a simdgroup run in step
    case Kind::MultiplyAccumulate: return emit_matrix(call);
    case Kind::Reduce:
      return define(call, {emit_reduction(builder_, operation, active(), lanes(call.getArgOperand(0))), nullptr, {}});
    case Kind::Ballot: {
      auto* votes = emit_ballot(builder_, active(), builder_.CreateFreeze(lanes(call.getArgOperand(0))));
      return define(call, {builder_.CreateZExt(votes, call.getType()), nullptr, {}});
    }
    case Kind::Shuffle: {
      auto* result = emit_shuffle(call);
      if (shapes_.of(&call).is_uniform()) return define(call, {result, nullptr, {}});
      return define_lanes(call, {result});
    }
    default: return define_lanes(call, {emit_scan(builder_, operation, active(), lanes(call.getArgOperand(0)))});
  }
}

llvm::Value* LaneEmitter::emit_shuffle(llvm::CallInst& call) {
  auto* value = call.getArgOperand(0);
  auto* source = call.getArgOperand(1);
  if (shapes_.of(&call).is_uniform()) {
    if (shapes_.of(value).is_uniform()) return first(value);
    return builder_.CreateExtractElement(lanes(value), builder_.CreateAnd(first(source), kLanes - 1));
  }
  auto* values = lanes(value);
  auto* sources = lanes(source);
  sources = builder_.CreateAnd(sources, llvm::ConstantInt::get(sources->getType(), kLanes - 1));
  if (const auto* constant = llvm::dyn_cast<llvm::Constant>(sources)) {
    llvm::SmallVector<int, kLanes> picks;
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      const auto* pick = llvm::dyn_cast_or_null<llvm::ConstantInt>(constant->getAggregateElement(lane));
      picks.push_back(pick ? static_cast<int>(pick->getZExtValue()) : -1);
    }
    return builder_.CreateShuffleVector(values, picks);
  }
  // Through memory: each lane reads its source's word.
  auto* words = spill(values);
  auto* addresses = builder_.CreateGEP(builder_.getInt32Ty(), words, builder_.CreateFreeze(sources));
  return builder_.CreateMaskedGather(values->getType(), addresses, llvm::Align(4));
}

void LaneEmitter::emit_matrix(llvm::CallInst& call) {
  // Row r lies in the four lanes tile_position() gives it, two elements each.
  auto tile = [&](unsigned operand) {
    auto* first_elements = lanes(call.getArgOperand(operand), 0);
    auto* second_elements = lanes(call.getArgOperand(operand), 1);
    Tile rows{};
    for (unsigned row = 0; row < 8; ++row) {
      std::array<int, 8> picks{};
      for (unsigned lane = 0; lane < kLanes; ++lane) {
        const auto position = tile_position(lane);
        if (position.row != row) continue;
        picks[position.column] = static_cast<int>(lane);
        picks[position.column + 1] = static_cast<int>(kLanes + lane);
      }
      rows[row] = builder_.CreateShuffleVector(first_elements, second_elements, picks);
    }
    return rows;
  };
  const auto a = tile(0);
  const auto element = [&](unsigned row, unsigned column) { return builder_.CreateExtractElement(a[row], column); };
  const auto product = emit_multiply_accumulate(builder_, element, tile(1), tile(2));
  auto* all = llvm::concatenateVectors(builder_, product);
  llvm::SmallVector<Value*, 2> components;
  for (unsigned e = 0; e < 2; ++e) {
    llvm::SmallVector<int, kLanes> picks;
    for (unsigned lane = 0; lane < kLanes; ++lane)
      picks.push_back(static_cast<int>(tile_position(lane).row * 8 + tile_position(lane).column + e));
    components.push_back(builder_.CreateShuffleVector(all, picks));
  }
  define_lanes(call, components);
}

}  // namespace anymetal::device::cpu
