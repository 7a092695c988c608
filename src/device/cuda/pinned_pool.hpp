#pragma once
/// \file
/// Page-locked host memory that copies go through: the GPU reads and writes it while the host goes on.

#include <anymetal/error.hpp>

#include "device/cuda/driver.hpp"

#include <cstddef>
#include <deque>
#include <mutex>
#include <vector>

namespace anymetal::device::cuda {

/// One block; `event` is recorded after the copy that uses it.
struct PinnedBlock {
  std::byte* data = nullptr;
  CUevent event = nullptr;
};

/// Blocks of one size. Thread contract: safe from any thread, with the context current.
class PinnedPool {
 public:
  static constexpr std::size_t kBlockBytes = std::size_t{1} << 20;

  PinnedPool(const Driver& driver, CheckResult check) : driver_(driver), check_(std::move(check)) {}
  /// A block nothing uses. Where many are in use by the GPU, waits for the oldest of them.
  Result<PinnedBlock> take();
  /// The block can be used again once its event has passed.
  void give_back_later(PinnedBlock block);
  /// Nothing uses the block any more.
  void give_back(PinnedBlock block);
  /// Releases all blocks; nothing may run any more.
  void close();

 private:
  static constexpr std::size_t kMostInUse = 8;
  Result<PinnedBlock> make();

  const Driver& driver_;
  CheckResult check_;
  std::mutex mutex_;
  std::vector<PinnedBlock> free_;
  std::deque<PinnedBlock> in_use_;  ///< oldest first
};

}  // namespace anymetal::device::cuda
