#pragma once
/// \file
/// One GPU's primary context, its stream, and whether it is still healthy.

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>

#include "device/cuda/driver.hpp"
#include "device/cuda/nvptx_target.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace anymetal::device::cuda {

/// Thread contract: safe from any thread; work on the stream is submitted under `submit_mutex()`.
class Context {
 public:
  static Result<std::shared_ptr<Context>> open(const Driver& driver, int ordinal);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] const Driver& driver() const { return driver_; }
  [[nodiscard]] const DeviceInfo& info() const { return info_; }
  [[nodiscard]] const Architecture& architecture() const { return architecture_; }
  [[nodiscard]] CUstream stream() const { return stream_; }
  [[nodiscard]] std::mutex& submit_mutex() { return submit_mutex_; }
  [[nodiscard]] std::size_t shared_memory_limit() const { return shared_memory_limit_; }
  [[nodiscard]] std::size_t total_memory() const { return info_.memory_bytes; }

  /// Makes the context current on this thread while it lives. Calls nest.
  class Scope {
   public:
    explicit Scope(const Context& context) : driver_(context.driver_) { driver_.ctx_push_current(context.context_); }
    ~Scope() {
      CUcontext popped = nullptr;
      driver_.ctx_pop_current(&popped);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    const Driver& driver_;
  };

  /// Turns a driver result into a value; a sticky fault marks the device lost, whose first report names `doing`.
  Result<void> check(CUresult result, std::string_view doing);
  /// DeviceLost, with the first fault's text, once a sticky fault has happened.
  Result<void> usable() const;

 private:
  explicit Context(const Driver& driver) : driver_(driver) {}
  Result<void> initialise(int ordinal);

  const Driver& driver_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  CUstream stream_ = nullptr;
  DeviceInfo info_;
  Architecture architecture_;
  std::size_t shared_memory_limit_ = 0;
  std::mutex submit_mutex_;
  std::atomic<bool> lost_{false};
  mutable std::mutex fault_mutex_;
  std::string fault_;
};

/// Fills everything of a device that needs no context.
Result<DeviceInfo> describe_device(const Driver& driver, int ordinal);

}  // namespace anymetal::device::cuda
