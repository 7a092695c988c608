#pragma once
/// \file
/// Events that the host waits for, kept for the next use.

#include <anymetal/error.hpp>

#include "device/cuda/driver.hpp"

#include <mutex>
#include <vector>

namespace anymetal::device::cuda {

/// Thread contract: safe from any thread.
class EventPool {
 public:
  EventPool(const Driver& driver, CheckResult check) : driver_(driver), check_(std::move(check)) {}
  /// With the context current.
  Result<CUevent> take();
  void give_back(CUevent event);
  /// Destroys all that were given back; with the context current.
  void close();

 private:
  const Driver& driver_;
  CheckResult check_;
  std::mutex mutex_;
  std::vector<CUevent> free_;
};

}  // namespace anymetal::device::cuda
