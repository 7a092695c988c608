#pragma once
/// \file
/// How much processor time and memory a guarded step has used, seen from outside its thread.

#include <anymetal/compile_limits.hpp>

#include <pthread.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

namespace anymetal::msl {

/// Thread contract: one thread at a time.
class StepWatch {
 public:
  /// Watches the thread from now on; `task` is its kernel thread id.
  StepWatch(const CompileLimits& limits, pthread_t thread, pid_t task);
  /// Why the step has to end now; empty while it may go on.
  std::string excess();
  /// To be asked every 20 ms: whether the thread has slept, with no processor time at all, for the last 5 s of asking. Not
  /// while it waits for a disk.
  bool sleeps();

 private:
  CompileLimits limits_;
  pthread_t thread_;
  std::string task_statistics_;   ///< path under /proc
  std::uint64_t huge_page_ = 0;   ///< most bytes one page fault can bring
  std::uint64_t last_resident_ = 0;
  std::uint64_t last_faults_ = 0;
  std::uint64_t attributed_ = 0;
  std::uint64_t last_used_ = 0;  ///< nanoseconds of processor time
  int asked_asleep_ = 0;
};

}  // namespace anymetal::msl
