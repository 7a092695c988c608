#pragma once
/// \file
/// Rewrites a thread function so that it runs the 32 lanes of a simdgroup as vectors.

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/STLFunctionalExtras.h>
#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Instructions.h>

#include <functional>
#include <utility>
#include <vector>

#include "device/cpu/kernel_abi.hpp"
#include "device/cpu/lane_shapes.hpp"
#include "device/cpu/near_addresses.hpp"
#include "device/cpu/simd_operations.hpp"
#include "device/cpu/sync_operation.hpp"
#include "device/cpu/thread_flow.hpp"

namespace llvm {
class TargetTransformInfo;
}

namespace anymetal::device::cpu {

class RegionOrigins;

/// A value of the thread function over the lanes.
struct LaneValue {
  llvm::Value* first = nullptr;              ///< uniform: the value; linear: that of lane 0
  llvm::SmallVector<llvm::Value*, 2> lanes;  ///< `<32 x T>` per component; for divergent values
};

/// Where lanes access memory: whole addresses, or distances in bytes from one that they share.
struct LaneAddresses {
  llvm::Value* middle = nullptr;  ///< null: `lanes` are whole addresses
  llvm::Value* lanes = nullptr;
};

/// Emits the body of the function that runs one full simdgroup.
///
/// While all lanes are together the blocks branch as those of the thread do. A branch on which lanes part starts a
/// *chain*: blocks follow in execution order, each with a mask of the lanes that wait for it, and are skipped while it
/// is empty. A branch in there hands the lanes of its block on to the masks of its successors, so that lanes that
/// diverged meet again in the first block, in that order, which all of them reach. Values that cross blocks live in
/// stack slots, which LLVM turns back into registers.
class LaneEmitter {
 public:
  /// Of up to kLargestLaneBuffer bytes, or of any size: then no address is a distance.
  enum class Buffers : std::uint8_t { Small, Any };
  /// `target` has the parameters of the thread function first; those of the thread's position are lane 0's. `site` is
  /// where it leaves what it waits at. `origins`, if not null, is told what everything is emitted for.
  LaneEmitter(const ThreadFunction& thread, llvm::Function* target, llvm::Value* site, const ThreadFlow& flow,
              const LaneShapes& shapes, const llvm::TargetTransformInfo& costs, Buffers buffers,
              RegionOrigins* origins);
  void emit();
  /// Whether an address was taken for a progression that is one only in buffers below kLargestLaneBuffer.
  [[nodiscard]] bool relies_on_small_buffers() const { return relies_on_small_buffers_; }

 private:
  using Instruction = llvm::Instruction;
  using Value = llvm::Value;

  // Control flow (lane_control.cpp).
  void find_chained();
  void emit_block(llvm::BasicBlock* block);
  void emit_chain(unsigned position, llvm::BasicBlock* end);
  void emit_terminator(llvm::BasicBlock* block);
  void emit_together(const llvm::BranchInst& branch);
  void emit_apart(const llvm::BranchInst& branch);
  void pass_values(llvm::BasicBlock* from, llvm::ArrayRef<std::pair<llvm::BasicBlock*, Value*>> edges, bool certain);
  bool first_arrival(const llvm::BasicBlock* from, const llvm::BasicBlock* to) const;
  bool parts_lanes(const llvm::BasicBlock* block) const;
  void emit_barrier();
  void find_ways_to_barriers();
  llvm::BasicBlock* new_block(const llvm::Twine& name);
  [[nodiscard]] Value* active();  ///< `<32 x i1>` of the current block
  /// A set of lanes as one bit a lane, from bit 0 on of 32.
  [[nodiscard]] llvm::ConstantInt* all_lanes() { return builder_.getInt32(shapes_.all_lanes()); }
  Value* as_lanes(Value* mask, const llvm::Twine& name = "");

  // Values (lane_values.cpp).
  LaneValue value(Value* original);
  Value* first(Value* original) { return value(original).first; }
  Value* lanes(Value* original, unsigned component = 0);
  [[nodiscard]] llvm::FixedVectorType* widened(llvm::Type* scalar) const {
    return llvm::FixedVectorType::get(scalar, width_);
  }
  Value* splat(Value* scalar) { return builder_.CreateVectorSplat(width_, scalar); }
  Value* component_of(Value* aggregate, unsigned component);
  void define(Instruction& instruction, const LaneValue& value);
  void define_lanes(Instruction& instruction, llvm::ArrayRef<Value*> lanes) {
    define(instruction, LaneValue{nullptr, {lanes.begin(), lanes.end()}});
  }
  LaneValue load_slots(const Instruction& instruction);
  void store_slots(const Instruction& instruction, const LaneValue& value, Value* edge_mask);
  /// What lane 0 would have if the lanes that are here were a progression: the value that widening the first of them
  /// leads to, stepped back.
  Value* first_of_active(Value* original);
  /// A linear instruction over lane 0's operands, as `operand` has them.
  Value* linear_copy(Instruction& instruction, llvm::function_ref<Value*(Value*)> operand);
  void find_kept();
  void find_shared();
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
  void emit_each_lane(Instruction& instruction);  ///< the same of scalars, where all lanes are there
  void emit_lane_by_lane(Instruction& instruction);  ///< what no vector does: atomic operations, copies of blocks
  void emit_sync(llvm::CallInst& call, const SyncOperation& operation);
  void emit_matrix(llvm::CallInst& call);
  Value* emit_shuffle(llvm::CallInst& call);
  /// All lanes' values where those follow from the lanes' numbers alone, else null.
  llvm::Constant* follows_from_number(Value* original) const;
  llvm::Function* multiply_accumulate_function();

  // Memory (lane_memory.cpp).
  void emit_load(llvm::LoadInst& load);
  void emit_store(llvm::StoreInst& store);
  [[nodiscard]] bool is_contiguous(Value* pointer, llvm::Type* accessed) const;
  Value* contiguous_address(Value* pointer);
  llvm::LoadInst* wide_load(llvm::Type* element, unsigned count, Value* pointer, llvm::Align alignment);
  void wide_store(llvm::ArrayRef<Value*> components, Value* pointer, llvm::Align alignment);
  llvm::SmallVector<Value*, 4> split_components(Value* wide, unsigned count);
  /// `condition ? then : otherwise`, each a list of values; both are emitted behind a branch.
  llvm::SmallVector<Value*, 4> choose(Value* condition, const std::function<llvm::SmallVector<Value*, 4>()>& then,
                                      const std::function<llvm::SmallVector<Value*, 4>()>& otherwise);

  // Private arrays (lane_private.cpp).
  void emit_private_address(Instruction& address);
  void emit_private_load(llvm::LoadInst& load);
  void emit_private_store(llvm::StoreInst& store, llvm::ArrayRef<Value*> components);
  void emit_private_fill(llvm::CallInst& fill);
  Value* private_address(Value* pointer, unsigned byte, unsigned element_bytes);

  // Addresses that differ (lane_addresses.cpp).
  void find_near();
  LaneAddresses addresses(Value* pointer);
  Value* pointers_at(const LaneAddresses& addresses, std::uint64_t offset = 0);
  Value* middle_of(const llvm::Argument& buffer);
  Value* distances(Value* pointer, const llvm::Argument& buffer);
  Value* emit_distances(Instruction& address);
  Value* moved_on(llvm::GetElementPtrInst& step, const llvm::Argument& buffer);

  // Lanes at unrelated addresses (lane_scatter.cpp).
  llvm::SmallVector<Value*, 4> gather(llvm::Type* element, unsigned count, const LaneAddresses& at,
                                      llvm::Align alignment);
  llvm::Function* narrow_gather_function(unsigned bytes, bool near);
  void scatter(const LaneAddresses& at, llvm::ArrayRef<Value*> components, llvm::Align alignment);
  llvm::Function* copy_function(bool to_lanes, unsigned bytes);
  void for_each_active(const std::function<void(Value* lane)>& body);
  Value* spill(Value* vector, unsigned role);  ///< copy of a vector in a stack slot that spills of this role share
  Value* lane_of(Value* spilled, llvm::Type* element, Value* lane);

  ThreadFunction thread_;
  llvm::Function* target_;
  Value* site_;
  unsigned width_;  ///< lanes that run together
  const std::vector<llvm::BasicBlock*>& order_;
  const llvm::LoopInfo& loops_;
  const LaneShapes& shapes_;
  const llvm::TargetTransformInfo& costs_;
  RegionOrigins* origins_;
  llvm::IRBuilder<> builder_;
  const llvm::DataLayout& layout_;
  bool gathers_ = false;  ///< the processor does so fast
  Buffers buffers_;
  NearAddresses near_;
  bool relies_on_small_buffers_ = false;

  /// What an original block became.
  struct Station {
    unsigned position = 0;
    bool chained = false;               ///< reached through a chain
    llvm::AllocaInst* mask = nullptr;   ///< lanes that wait for it; where it is chained or partial
    llvm::BasicBlock* check = nullptr;  ///< its place in the chain
    llvm::BasicBlock* body = nullptr;
    llvm::BasicBlock* after = nullptr;  ///< on to the next place in the chain
  };
  llvm::DenseMap<const llvm::BasicBlock*, Station> stations_;
  llvm::BasicBlock* slots_block_ = nullptr;  ///< where stack slots are made
  llvm::BasicBlock* end_ = nullptr;
  llvm::AllocaInst* live_ = nullptr;  ///< lanes that may still reach a threadgroup barrier
  llvm::SmallPtrSet<const llvm::BasicBlock*, 16> to_barrier_;
  struct Slots {
    llvm::AllocaInst* first = nullptr;
    llvm::SmallVector<llvm::AllocaInst*, 2> lanes;
  };
  llvm::DenseMap<const Instruction*, Slots> slots_;
  llvm::SmallPtrSet<const Instruction*, 32> kept_;  ///< what other blocks ask for
  /// Phis past a loop whose value is in the slots of one of its header: each lane's last.
  llvm::DenseMap<const Instruction*, const llvm::PHINode*> shared_;
  llvm::SmallPtrSet<const Instruction*, 8> keeps_last_;  ///< whose slots these are
  llvm::DenseMap<const llvm::AllocaInst*, llvm::AllocaInst*> private_;
  llvm::DenseMap<std::pair<llvm::Type*, unsigned>, llvm::AllocaInst*> spills_;
  Slots& slots_of(const Instruction& instruction);

  // The block being emitted.
  llvm::DenseMap<const Value*, LaneValue> known_;
  bool remembers_ = true;    ///< values made now are there for the rest of the block
  Value* mask_ = nullptr;    ///< i32
  Value* active_ = nullptr;  ///< cached `<32 x i1>`
  bool full_ = false;        ///< all 32 lanes are active
  unsigned barriers_ = 0;
};

/// A phi where a loop is left from its latch may get what a phi of the header gets for the next round: then that one
/// has each lane's last value, if it is not changed for lanes that have left. Null where it is not so, and where lanes
/// leave an outer loop as well: they would wait while others begin the inner one anew.
const llvm::PHINode* keeper_of_last(const llvm::PHINode& phi, const llvm::LoopInfo& loops);
/// Whether the processor gathers as many words fast.
bool gathers_words(const llvm::TargetTransformInfo& costs, llvm::LLVMContext& context, unsigned count);
/// Why the emitter cannot take a thread function, or empty.
std::string lanes_obstacle(const llvm::Function& function);
/// Scalars a type is made of: vector elements or struct members; 1 for a scalar.
unsigned component_count(llvm::Type* type);
llvm::Type* component_type(llvm::Type* type, unsigned component);
/// The private variable a pointer belongs to, or null.
llvm::AllocaInst* private_variable(llvm::Value* pointer);

}  // namespace anymetal::device::cpu
