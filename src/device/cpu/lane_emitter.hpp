#pragma once
/// \file
/// Rewrites a thread function so that it runs the 32 lanes of a simdgroup as vectors.

#include "device/cpu/lane_shapes.hpp"
#include "device/cpu/simd_operations.hpp"
#include "device/cpu/sync_operation.hpp"

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>

#include <functional>
#include <vector>

namespace anymetal::device::cpu {

/// A value of the thread function over the lanes.
struct LaneValue {
  llvm::Value* first = nullptr;             ///< uniform: the value; linear: that of lane 0
  llvm::Value* holds = nullptr;             ///< i1: whether a conditional shape holds; null where it always does
  llvm::SmallVector<llvm::Value*, 2> lanes; ///< `<32 x T>` per component; for divergent and conditional values
};

/// Where the emitted function finds what the thread function does not have. `frame` and `site` are null where it never
/// suspends.
struct SimdgroupParameters {
  llvm::Value* mask = nullptr;  ///< i32: lanes that exist
  llvm::Value* frame = nullptr;
  llvm::Value* site = nullptr;
};

/// Emits the body of one simdgroup function.
///
/// Blocks stand in execution order. Each has a mask of the lanes that wait for it; where the mask is empty the block is
/// skipped. A branch hands the lanes of its block on to the masks of its successors, so that lanes that diverged meet
/// again in the first block, in that order, which all of them reach. Values that cross blocks live in stack slots,
/// which LLVM turns back into registers.
class LaneEmitter {
 public:
  /// `target` has the parameters of the thread function first; those of the thread's position are lane 0's.
  LaneEmitter(const ThreadFunction& thread, llvm::Function* target, const SimdgroupParameters& parameters,
              const std::vector<llvm::BasicBlock*>& order, const LaneShapes& shapes, const llvm::LoopInfo& loops,
              bool rows);
  void emit();

 private:
  using Instruction = llvm::Instruction;
  using Value = llvm::Value;

  // Control flow (lane_control.cpp).
  void emit_block(llvm::BasicBlock* block);
  void emit_terminator(llvm::BasicBlock* block);
  void pass_values(llvm::BasicBlock* from, llvm::ArrayRef<std::pair<llvm::BasicBlock*, Value*>> edges, bool certain);
  bool first_arrival(const llvm::BasicBlock* from, const llvm::BasicBlock* to) const;
  void emit_barrier();
  void find_ways_to_barriers();
  [[nodiscard]] Value* active() ;  ///< `<32 x i1>` of the current block

  // Values (lane_values.cpp).
  LaneValue value(Value* original);
  Value* first(Value* original) { return value(original).first; }
  Value* lanes(Value* original, unsigned component = 0);
  Value* splat(Value* scalar) { return builder_.CreateVectorSplat(kLanes, scalar); }
  Value* component_of(Value* aggregate, unsigned component);
  void define(Instruction& instruction, const LaneValue& value);
  void define_lanes(Instruction& instruction, llvm::ArrayRef<Value*> lanes) {
    define(instruction, LaneValue{nullptr, nullptr, {lanes.begin(), lanes.end()}});
  }
  LaneValue load_slots(const Instruction& instruction);
  void store_slots(const Instruction& instruction, const LaneValue& value, Value* edge_mask);
  LaneValue parameter_value(llvm::Argument* argument);
  llvm::AllocaInst* stack_slot(llvm::Type* type, const llvm::Twine& name = "");

  // Instructions (lane_instructions.cpp).
  void emit_instruction(Instruction& instruction);
  void emit_uniform(Instruction& instruction);
  void emit_linear(Instruction& instruction);
  void emit_divergent(Instruction& instruction);
  Value* emit_component(Instruction& instruction, unsigned component);
  void emit_bitcast(Instruction& instruction);
  void emit_shuffle_vector(llvm::ShuffleVectorInst& shuffle);
  void emit_element_access(Instruction& instruction);
  void emit_intrinsic(llvm::CallInst& call);
  void emit_atomic(Instruction& instruction);
  void emit_sync(llvm::CallInst& call, const SyncOperation& operation);
  void emit_matrix(llvm::CallInst& call);
  Value* emit_shuffle(llvm::CallInst& call);

  // Memory (lane_memory.cpp).
  void emit_load(llvm::LoadInst& load);
  void emit_store(llvm::StoreInst& store);
  void emit_private_address(Instruction& address);
  void emit_private_load(llvm::LoadInst& load);
  void emit_private_store(Value* pointer, llvm::ArrayRef<Value*> components);
  void emit_private_fill(llvm::CallInst& fill);
  Value* private_address(Value* pointer, unsigned byte, unsigned element_bytes);
  Value* wide_load(llvm::Type* element, unsigned count, Value* pointer, llvm::Align alignment);
  llvm::SmallVector<Value*, 4> split_components(Value* wide, unsigned count);
  llvm::SmallVector<Value*, 4> gather(llvm::Type* element, unsigned count, Value* pointers, llvm::Align alignment);
  void scatter(Value* pointers, llvm::ArrayRef<Value*> components, llvm::Align alignment);
  Value* safe_pointers(Value* pointers);
  /// `condition ? then : otherwise`, each a list of values; both are emitted behind a branch.
  llvm::SmallVector<Value*, 4> choose(Value* condition, const std::function<llvm::SmallVector<Value*, 4>()>& then,
                                      const std::function<llvm::SmallVector<Value*, 4>()>& otherwise);
  void for_each_active(const std::function<void(Value* lane)>& body);
  Value* spill(Value* vector);                    ///< stack copy of a vector
  Value* lane_of(Value* spilled, llvm::Type* element, Value* lane);

  static constexpr unsigned kLanes = 32;
  ThreadFunction thread_;
  llvm::Function* target_;
  SimdgroupParameters parameters_;
  const std::vector<llvm::BasicBlock*>& order_;
  const LaneShapes& shapes_;
  const llvm::LoopInfo& loops_;
  bool rows_;
  llvm::IRBuilder<> builder_;
  const llvm::DataLayout& layout_;

  llvm::BasicBlock* slots_block_ = nullptr;  ///< where stack slots are made
  llvm::DenseMap<const llvm::BasicBlock*, unsigned> position_;
  llvm::DenseMap<const llvm::BasicBlock*, llvm::AllocaInst*> masks_;
  llvm::DenseMap<const llvm::BasicBlock*, llvm::BasicBlock*> checks_;
  llvm::AllocaInst* live_ = nullptr;  ///< lanes that may still reach a threadgroup barrier
  llvm::SmallPtrSet<const llvm::BasicBlock*, 16> to_barrier_;
  struct Slots {
    llvm::AllocaInst* first = nullptr;
    llvm::AllocaInst* holds = nullptr;
    llvm::SmallVector<llvm::AllocaInst*, 2> lanes;
  };
  llvm::DenseMap<const Instruction*, Slots> slots_;
  llvm::DenseMap<const llvm::Argument*, LaneValue> arguments_;
  llvm::DenseMap<const llvm::AllocaInst*, llvm::AllocaInst*> private_;
  Slots& slots_of(const Instruction& instruction);

  // The block being emitted.
  llvm::DenseMap<const Value*, LaneValue> known_;
  Value* mask_ = nullptr;        ///< i32
  Value* active_ = nullptr;      ///< cached `<32 x i1>`
  bool full_ = false;            ///< all 32 lanes are known to be active
  unsigned barriers_ = 0;
};

/// Why the emitter cannot take a thread function, or empty.
std::string lanes_obstacle(const llvm::Function& function);
/// Scalars a type is made of: vector elements or struct members; 1 for a scalar.
unsigned component_count(llvm::Type* type);
llvm::Type* component_type(llvm::Type* type, unsigned component);
/// The private variable a pointer belongs to, or null.
llvm::AllocaInst* private_variable(llvm::Value* pointer);

}  // namespace anymetal::device::cpu
