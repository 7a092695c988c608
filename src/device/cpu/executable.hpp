#pragma once
/// \file
/// A kernel that can be dispatched.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "device/backend.hpp"
#include "device/cpu/forms.hpp"
#include "device/cpu/object_linker.hpp"
#include "device/made_once.hpp"

namespace anymetal::device::cpu {

/// A kernel linked into this process.
class CpuExecutable final : public Executable {
 public:
  /// Compiles and links another form of the kernel.
  using MakeForm = std::function<Result<std::shared_ptr<const LinkedKernel>>(Form)>;

  /// Dispatches of fewer threads are not worth compiling a form of merged threads for.
  static constexpr double kMergedFrom = 8192;

  /// `make_form` is called once for a form, with the first dispatch that needs it, and again only where it ran out of
  /// memory; empty where `kernel` runs all. Dispatches of `merged_from` threads or more take forms of merged threads.
  CpuExecutable(std::shared_ptr<const LinkedKernel> kernel, msl::EntryReflection reflection, MakeForm make_form,
                double merged_from = kMergedFrom);
  [[nodiscard]] std::size_t max_total_threads_per_threadgroup() const override;
  /// One that the reflection does not list may be written.
  [[nodiscard]] Access access(std::size_t argument) const override {
    return argument < kNotedArguments ? (written_ >> argument & 1) != 0 ? Access::ReadWrite : Access::Read
                                      : access_of(argument);
  }
  /// The code for this dispatch, by the shape of its threadgroups; the general form where it binds a buffer that is too
  /// large for the others. Thread contract: safe from any thread.
  [[nodiscard]] Result<DispatchCode> code(const CommandList& list, const Dispatch& dispatch) const;

  /// What running `threads` threads on one core is expected to take; 0 where nothing is known yet.
  [[nodiscard]] double expected_nanoseconds(double threads) const;
  void record_time(double threads, double nanoseconds) const;
  /// Whether the next dispatch should be timed: while nothing is known, and then a few, since a look at the clock takes
  /// as long as a small kernel.
  [[nodiscard]] bool is_due_for_timing() const;

 private:
  static constexpr std::size_t kNotedArguments = 64;
  [[nodiscard]] Result<const KernelTable*> table(Form form) const;
  [[nodiscard]] Access access_of(std::size_t argument) const {
    return argument < reflection_.arguments.size() ? reflection_.arguments[argument].access : Access::ReadWrite;
  }

  std::shared_ptr<const LinkedKernel> kernel_;
  msl::EntryReflection reflection_;
  std::uint64_t written_ =
      0;  ///< bits of the first arguments that may be written: one word instead of all the reflection
  MakeForm make_form_;
  double merged_from_;
  mutable std::array<MadeOnce<std::shared_ptr<const LinkedKernel>>, kFormCount> forms_;
  mutable std::atomic<double> nanoseconds_per_thread_ = 0;
  mutable std::atomic<std::uint32_t> asked_ = 0;  ///< for timing; some asked at once may count as one
};

/// Threads of a dispatch, of any number.
[[nodiscard]] inline double threads_of(const Dispatch& dispatch) {
  return static_cast<double>(dispatch.threads.x) * static_cast<double>(dispatch.threads.y) *
         static_cast<double>(dispatch.threads.z);
}

/// Below this a dispatch is over before another thread could help.
inline constexpr double kSmallNanoseconds = 4000;
[[nodiscard]] inline bool is_small(double expected_nanoseconds) {
  return expected_nanoseconds > 0 && expected_nanoseconds < kSmallNanoseconds;
}

/// Threadgroups of a dispatch.
struct Grid {
  std::array<std::uint32_t, 3> groups{};
  std::uint64_t count = 0;
};

/// InvalidDispatch where a threadgroup or the grid is too large for this device.
Result<Grid> plan_grid(const Dispatch& dispatch);

}  // namespace anymetal::device::cpu
