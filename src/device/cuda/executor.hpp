#pragma once
/// \file
/// Runs command lists on a GPU's streams.

#include "device/backend.hpp"
#include "device/cuda/context.hpp"
#include "device/cuda/dependencies.hpp"
#include "device/cuda/launch_queue.hpp"
#include "device/cuda/submission.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace anymetal::device::cuda {

/// Whether `ANYMETAL_CUDA_SYNC=1` asks to wait after every dispatch, so that a fault names its kernel.
bool runs_synchronously();

/// "kernel 'a'", "command 'copy'".
std::string describe_command(const Dispatch& command);
/// The labels of a list: "kernel 'a'", "one of the kernels 'a', 'b'".
std::string describe_commands(const CommandList& list);

/// Work whose end nobody may wait for, kept until it has ended. Thread contract: safe from any thread.
class Backlog {
 public:
  ~Backlog();
  void add(std::shared_ptr<Submission> work);
  /// Lets go of what has ended.
  void reap();

 private:
  std::mutex mutex_;
  std::deque<std::shared_ptr<Submission>> work_;
};

class RepeatedLists;

/// Lists run beside each other and beside copies, except where memory conflicts. Thread contract: safe from any thread.
class Executor {
 public:
  explicit Executor(std::shared_ptr<Context> context);
  ~Executor();

  /// Runs the list and waits.
  Result<void> run(const CommandList& list);
  /// Starts the list and keeps it until it has ended.
  Result<std::shared_ptr<Work>> submit(CommandList list);

  [[nodiscard]] const std::shared_ptr<Context>& context() const { return context_; }
  [[nodiscard]] Backlog& backlog() { return backlog_; }

 private:
  Result<void> start(const CommandList& list, Submission& work);
  Result<void> launch_all(const CommandList& list, const DeviceMemory* bytes, Submission& work);
  Result<void> launch(const CommandList& list, const Dispatch& dispatch, unsigned stream, CUdeviceptr bytes);

  std::shared_ptr<Context> context_;
  Backlog backlog_;
  std::unique_ptr<RepeatedLists> repeated_;
  // Under the submit mutex, kept for their memory:
  Dependencies dependencies_;
  StreamPlan plan_;
  LaunchQueue queue_;
};

}  // namespace anymetal::device::cuda
