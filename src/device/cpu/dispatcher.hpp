#pragma once
/// \file
/// Executes command lists.

#include "device/backend.hpp"
#include "device/cpu/object_linker.hpp"

#include <atomic>

namespace anymetal::device::cpu {

/// A kernel linked into this process.
class CpuExecutable final : public Executable {
 public:
  CpuExecutable(std::shared_ptr<const LinkedKernel> kernel, msl::EntryReflection reflection);
  [[nodiscard]] std::size_t max_total_threads_per_threadgroup() const override;
  [[nodiscard]] const KernelTable& table() const { return kernel_->table(); }

  /// What running `threads` threads on one core is expected to take; 0 where nothing is known yet.
  [[nodiscard]] double expected_nanoseconds(double threads) const;
  void record_time(double threads, double nanoseconds) const;

 private:
  std::shared_ptr<const LinkedKernel> kernel_;
  msl::EntryReflection reflection_;
  mutable std::atomic<double> nanoseconds_per_thread_ = 0;
};

/// Thread contract: safe from any thread; lists run one after the other.
class Dispatcher {
 public:
  explicit Dispatcher(unsigned threads);
  ~Dispatcher();
  /// InvalidDispatch where a grid cannot be run or a barrier can never complete; later dispatches then do not run.
  Result<void> execute(const CommandList& list);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace anymetal::device::cpu
