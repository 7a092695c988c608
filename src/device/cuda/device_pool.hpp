#pragma once
/// \file
/// Device memory that outlives its buffers, so that neither allocating nor freeing waits for the GPU.

#include <anymetal/error.hpp>

#include "device/cuda/driver.hpp"
#include "device/cuda/hazards.hpp"

#include <map>
#include <mutex>
#include <vector>

namespace anymetal::device::cuda {

/// A range of GPU memory and its last uses: whoever gets it next is ordered after them like any other use.
struct DeviceBlock {
  CUdeviceptr address = 0;
  std::size_t bytes = 0;  ///< of the whole range, which may be more than was asked for
  Hazards hazards;
};

/// Sizes are rounded up to classes an eighth of a power of two apart. Freed blocks are kept up to a limit; where the GPU has
/// no room left they are given back and the allocation is tried once more.
///
/// Thread contract: safe from any thread, with the context current.
class DevicePool {
 public:
  DevicePool(const Driver& driver, std::size_t keep_bytes) : driver_(driver), keep_bytes_(keep_bytes) {}
  /// The driver's result is the error: the caller knows what the memory is for.
  std::expected<DeviceBlock, CUresult> take(std::size_t bytes);
  void give_back(const DeviceBlock& block);
  /// Returns all unused blocks to the driver.
  void trim();

 private:
  const Driver& driver_;
  std::size_t keep_bytes_;
  std::mutex mutex_;
  std::size_t kept_bytes_ = 0;
  std::map<std::size_t, std::vector<DeviceBlock>> free_;  ///< by size
};

}  // namespace anymetal::device::cuda
