#pragma once
/// \file
/// Runs one step of a compilation where whatever it meets ends in a value: deep recursion, a crash of the compiler, a
/// step that takes too long or too much memory.

#include <anymetal/compile_limits.hpp>
#include <anymetal/error.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace anymetal::msl {

/// How a guarded step ended.
struct StepOutcome {
  enum class End : std::uint8_t {
    Done,
    Left,       ///< by leave_step or at a checkpoint: what the step worked on is consistent and can be destroyed
    Abandoned,  ///< a crash, or interrupted where it was: what the step worked on may only be leaked
  };
  End end = End::Done;
  std::string reason;  ///< a sentence's beginning for a person; empty where the step is done
  bool has_no_memory = false;  ///< that is why it ended

  [[nodiscard]] bool is_done() const { return end == End::Done; }
};

/// Runs `work` on a thread of its own with a deep stack and waits for it; `limits` bounds its time and memory. Faults of that thread (SIGSEGV, SIGABRT, ...)
/// and LLVM's fatal errors end the step instead of the process; ANYMETAL_CRASH_GUARD=0 leaves signals alone. Signals of
/// all other threads go where they went before. Objects on the step's own stack are not destroyed unless it is done:
/// what has to be freed belongs to the caller. Throws std::bad_alloc, before `work` begins, where there is no memory for a step.
/// A step that was abandoned may have held a lock of the compiler's. Steps that come to wait for it are abandoned, too, after some
/// seconds.
StepOutcome run_step(const CompileLimits& limits, const std::function<void()>& work);

/// The same for short work that nests little: in this thread, without limits.
StepOutcome run_step_here(const std::function<void()>& work);

/// As an error, with what was being done in front: "kernel 'f': the compiler ...". OutOfMemory, ShaderCompilationError where it left,
/// else InternalError.
Error step_error(const StepOutcome& outcome, const std::string& subject);

/// The result of a step within the limits that hold now, or its step_error.
template <class T, class Work>
Result<T> run_step_for(const std::string& subject, Work&& work) {
  Result<T> result;
  const StepOutcome outcome = run_step(compile_limits(), [&] { result = work(); });
  if (!outcome.is_done()) result = std::unexpected(step_error(outcome, subject));
  return result;
}

/// Ends the step this thread runs. Called only where no lock is held. Precondition: inside run_step.
[[noreturn]] void leave_step(std::string reason);

/// Ends the step this thread runs if it has used up its time or memory; outside of steps it does nothing.
void checkpoint();

}  // namespace anymetal::msl
