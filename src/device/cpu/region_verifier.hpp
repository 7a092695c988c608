#pragma once
/// \file
/// Holds the function that runs a simdgroup against the thread function it was made from.

#include <llvm/ADT/BitVector.h>
#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/SmallPtrSet.h>
#include <llvm/ADT/SmallVector.h>
#include <llvm/IR/Instructions.h>

#include <string>
#include <utility>
#include <vector>

#include "device/cpu/lane_shapes.hpp"
#include "device/cpu/region_origins.hpp"
#include "device/cpu/thread_flow.hpp"

namespace anymetal::device::cpu {

/// Checks, from the origins of its instructions alone and not from how they were emitted, that in `made`
/// - every block of the thread became one region with one way in, and reaches its accesses to memory and its
///   synchronisation points in the thread's order, each once on every way through (region_verifier.cpp);
/// - no value crosses regions but through slots, which are written where the value is made, and a phi's where its
///   blocks are left, without loss for lanes that wait there, or that have left a loop with its value
///   (region_values.cpp);
/// - where some lanes are elsewhere every effect is under the mask of those that are there, and a branch hands each of
///   them on to one successor (region_masks.cpp);
/// - lanes that wait for a block are looked for on every way on, and a barrier they cannot all reach is reported
///   (region_chain.cpp).
/// What the shapes say is taken for true: shape_violation() looks at that.
class RegionVerifier {
 public:
  RegionVerifier(const ThreadFlow& flow, const LaneShapes& shapes, const RegionOrigins& origins, llvm::Function& made,
                 const llvm::Value* site)
      : flow_(flow), shapes_(shapes), origins_(origins), made_(made), dominators_(made), site_(site) {}

  /// What is wrong first, or an empty text.
  std::string run();

 private:
  using Instruction = llvm::Instruction;
  using Block = llvm::BasicBlock;
  struct Region {
    const Block* original = nullptr;
    unsigned number = 0;
    Block* entry = nullptr;
    llvm::SmallVector<Block*, 4> blocks;   ///< entry first
    const llvm::LoadInst* mask = nullptr;  ///< the lanes that are here; null: all
    Block* leave = nullptr;                ///< where the terminator's work begins
    bool partial = false;
    bool apart = false;  ///< its lanes go on by masks
  };

  // region_verifier.cpp
  bool find_regions();
  bool find_entries();
  bool check_effects(const Region& region);
  bool check_block_effects(const Region& region, llvm::ArrayRef<const Instruction*> effects, const Block& block,
                           std::size_t& done);
  [[nodiscard]] bool is_effect_of_thread(const Instruction& original) const;
  [[nodiscard]] bool is_effect(const Instruction& made) const;
  // region_values.cpp
  bool check_values(const Region& region);
  bool check_slot_load(const Region& region, const llvm::LoadInst& load);
  bool check_slot_store(const Region& region, const llvm::StoreInst& store);
  bool check_shared();
  // region_masks.cpp
  bool check_masks(const Region& region);
  [[nodiscard]] bool is_guarded(const Region& region, const Instruction& made) const;
  [[nodiscard]] bool is_active(const Region& region, const llvm::Value* value) const;
  [[nodiscard]] bool is_everyone(const llvm::ConstantInt& mask) const { return mask.getValue() == shapes_.all_lanes(); }
  [[nodiscard]] bool keeps_other_lanes(const Region& region, const llvm::Value* value) const;
  bool check_edges(const Region& region);
  bool check_edges_apart(const Region& region);
  bool check_edges_together(const Region& region);
  [[nodiscard]] bool is_condition(const Region& region, const llvm::Value* value) const;
  // region_chain.cpp
  bool find_ways_to_barriers();
  bool check_chain(const Region& region);
  bool check_ends();
  bool check_barriers();
  void find_waiting();
  /// The blocks for which lanes may wait where this block begins.
  [[nodiscard]] llvm::BitVector waiting_at(const Block& block) const;
  /// The slot whose being empty sends this block to its second successor, or null.
  [[nodiscard]] const llvm::AllocaInst* tested_slot(const Block& block) const;
  [[nodiscard]] bool is_suspension(const Block& block) const;

  bool wrong(std::string text) {
    problem_ = std::move(text);
    return false;
  }
  static std::string name(const llvm::Value& value);
  [[nodiscard]] bool parts_lanes(const Block& original) const;
  [[nodiscard]] const Region* region_of(const Block& block) const;
  [[nodiscard]] const Region& region_for(const Block& original) const { return regions_[numbers_.lookup(&original)]; }
  /// The block for which lanes wait that are noted there, or null.
  [[nodiscard]] const Block* waited_for(const llvm::Value* pointer) const;

  const ThreadFlow& flow_;
  const LaneShapes& shapes_;
  const RegionOrigins& origins_;
  llvm::Function& made_;
  llvm::DominatorTree dominators_;  ///< of `made`
  const llvm::Value* site_;
  std::string problem_;
  std::vector<Region> regions_;
  llvm::DenseMap<const Block*, unsigned> numbers_;         ///< of blocks of the thread
  llvm::DenseMap<const Block*, unsigned> region_numbers_;  ///< of blocks made
  llvm::SmallPtrSet<const Block*, 16> to_barrier_;         ///< blocks of the thread from which a barrier can be reached
  llvm::DenseMap<const Block*, llvm::SmallVector<llvm::BitVector, 1>> waiting_;
};

/// The first way in which `made` breaks what RegionVerifier promises, or an empty text.
inline std::string region_violation(const ThreadFlow& flow, const LaneShapes& shapes, const RegionOrigins& origins,
                                    llvm::Function& made, const llvm::Value* site) {
  return RegionVerifier(flow, shapes, origins, made, site).run();
}

}  // namespace anymetal::device::cpu
