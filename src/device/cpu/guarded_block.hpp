#pragma once
/// \file
/// Memory lent to a kernel that ends before an inaccessible page.

#include <cstddef>
#include <cstdint>

namespace anymetal::device::cpu {

/// Pages of their own between inaccessible ones: what a kernel does past the end of its threadgroup arrays is a fault
/// there and then, and never reaches memory of the host's. Grows and keeps no content. Thread contract: one thread at a
/// time.
class GuardedBlock {
 public:
  enum class Holds : std::uint8_t { ThreadgroupMemory, Frames };
  /// How far from either end an access still is a fault.
  static constexpr std::size_t kReach = std::size_t{1} << 16;

  explicit GuardedBlock(Holds what) : holds_(what) {}
  ~GuardedBlock();
  GuardedBlock(const GuardedBlock&) = delete;
  GuardedBlock& operator=(const GuardedBlock&) = delete;

  /// False where the system has no memory for `bytes`.
  [[nodiscard]] bool reserve(std::size_t bytes);
  /// The last `bytes` of it, rounded up to kArenaAlignment: what follows them is inaccessible. Precondition: they are
  /// reserved.
  [[nodiscard]] std::byte* last(std::size_t bytes) const;

 private:
  void release();

  Holds holds_;
  std::byte* pages_ = nullptr;
  std::size_t size_ = 0;  ///< of the pages, guards left out
};

/// Whether the address is one of the inaccessible ones beside threadgroup memory. For signal handlers, too; it knows of
/// the first 1,024 workers that run kernels.
[[nodiscard]] bool is_beside_threadgroup_memory(const void* address);

}  // namespace anymetal::device::cpu
