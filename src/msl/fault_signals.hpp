#pragma once
/// \file
/// Signals and LLVM's fatal errors on the way out of a guarded step.

#include <pthread.h>

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstddef>
#include <span>
#include <string>

namespace anymetal::msl {

/// Where a step goes when it cannot go on, and why.
struct StepExit {
  sigjmp_buf place{};
  std::atomic<bool> wanted = false;  ///< the step is to leave at its next checkpoint
  std::atomic<bool> is_stuck = false;  ///< it waits for what nobody will let go of: the interrupt takes it from anywhere
  int signal = 0;                    ///< that ended it
  bool has_no_memory = false;        ///< what ended it, where no signal did
  std::string reason;                ///< set before `wanted`, or by who leaves
};

inline constexpr std::size_t kSignalStackBytes = 64U << 10U;
/// The signal that takes a step out of compiler code that reaches no checkpoint.
inline const int kInterruptSignal = SIGRTMIN + 6;

/// The exit of the step this thread runs; nullptr on all other threads.
StepExit* step_exit();
void set_step_exit(StepExit* exit);

/// Gives this thread a stack for its signal handlers: that of a thread that nests too deeply is used up.
void use_signal_stack(std::span<char> memory);
void drop_signal_stack();

/// Installs the handlers, once a process. Faults of threads without a step go to the handlers that were there before.
void install_fault_handlers();
/// Makes the thread leave its step if it is inside Clang or LLVM just now, where it holds no lock of the allocator's, or stuck.
void interrupt_step(pthread_t thread);
/// "segmentation fault", ...
std::string describe_fault(int signal);

}  // namespace anymetal::msl
