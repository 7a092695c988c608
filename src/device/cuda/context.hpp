#pragma once
/// \file
/// One GPU's primary context, its streams and pools, and whether it is still healthy.

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>

#include "device/cuda/device_pool.hpp"
#include "device/cuda/driver.hpp"
#include "device/cuda/event_pool.hpp"
#include "device/cuda/nvptx_target.hpp"
#include "device/cuda/pinned_pool.hpp"
#include "device/cuda/streams.hpp"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace anymetal::device::cuda {

class Submission;

/// Thread contract: safe from any thread; work is put on the streams under `submit_mutex()`.
class Context {
 public:
  static Result<std::shared_ptr<Context>> open(const Driver& driver, int ordinal);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] const Driver& driver() const { return driver_; }
  [[nodiscard]] CUcontext handle() const { return context_; }
  [[nodiscard]] const DeviceInfo& info() const { return info_; }
  [[nodiscard]] const Architecture& architecture() const { return architecture_; }
  [[nodiscard]] Streams& streams() { return streams_; }
  [[nodiscard]] EventPool& events() { return events_; }
  [[nodiscard]] PinnedPool& pinned() { return pinned_; }
  [[nodiscard]] DevicePool& memory() { return *memory_; }
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

  /// What may be at fault where a fault shows: from its making until its end was seen.
  void add_running(const Submission& work);
  void remove_running(const Submission& work);

  /// Turns a driver result into a value; a sticky fault marks the device lost, whose first report names `doing` and all that
  /// was running.
  Result<void> check(CUresult result, std::string_view doing);
  /// DeviceLost, with the first fault's text, once a sticky fault has happened.
  Result<void> usable() const;

 private:
  explicit Context(const Driver& driver);
  Result<void> initialise(int ordinal);
  CheckResult checker();
  std::string running_beside(std::string_view known);

  const Driver& driver_;
  CUdevice device_ = 0;
  CUcontext context_ = nullptr;
  Streams streams_;
  EventPool events_;
  PinnedPool pinned_;
  std::optional<DevicePool> memory_;  ///< once the GPU's size is known
  DeviceInfo info_;
  Architecture architecture_;
  std::size_t shared_memory_limit_ = 0;
  std::mutex submit_mutex_;
  std::atomic<bool> lost_{false};
  mutable std::mutex fault_mutex_;
  std::string fault_;
  std::mutex running_mutex_;
  std::vector<const Submission*> running_;
};

/// Fills everything of a device that needs no context.
Result<DeviceInfo> describe_device(const Driver& driver, int ordinal);

}  // namespace anymetal::device::cuda
