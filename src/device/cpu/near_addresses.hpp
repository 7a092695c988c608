#pragma once
/// \file
/// Which addresses are held as distances from a place in their buffer.

#include <llvm/ADT/DenseMap.h>
#include <llvm/ADT/SmallPtrSet.h>

#include <cstdint>
#include <vector>

namespace llvm {
class Argument;
class BasicBlock;
class LoopInfo;
class PHINode;
class Value;
}  // namespace llvm

namespace anymetal::device::cpu {

class LaneShapes;

/// Addresses that differ between lanes and that nothing is done with but to access memory there. In buffers of up to
/// kLargestLaneBuffer bytes they follow from the buffer's address and 32 bits, and a processor gathers twice as many
/// elements at once by such distances as by whole addresses.
class NearAddresses {
 public:
  /// Of no kernel.
  NearAddresses() = default;
  NearAddresses(const std::vector<llvm::BasicBlock*>& order, const llvm::LoopInfo& loops, const LaneShapes& shapes);

  /// The kernel's argument that an address is made from, whatever it is used for; null where it is not known to be one.
  [[nodiscard]] const llvm::Argument* buffer_of(const llvm::Value* address) const;
  /// Whether it is held as a distance.
  [[nodiscard]] bool contains(const llvm::Value* address) const { return near_.contains(address); }

 private:
  void find_buffers(const std::vector<llvm::BasicBlock*>& order);
  [[nodiscard]] const llvm::Argument* evaluate(const llvm::Value& address, bool& known) const;

  /// Null: none, or several.
  llvm::DenseMap<const llvm::Value*, const llvm::Argument*> buffers_;
  llvm::SmallPtrSet<const llvm::Value*, 16> near_;
};

/// Distances are signed and count from here, so that elements before the argument's address can be reached as well.
inline constexpr std::int64_t kNearMiddle = (std::int64_t{1} << 31) - (1 << 16);

}  // namespace anymetal::device::cpu
