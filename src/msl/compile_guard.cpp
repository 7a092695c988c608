#include "msl/compile_guard.hpp"

#include "msl/fault_signals.hpp"
#include "msl/step_watch.hpp"
#include "observe/per_process.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace anymetal::msl {
namespace {

/// One step as its thread and the waiting one share it.
struct Step {
  explicit Step(const std::function<void()>& f) : work(f) {}

  const std::function<void()>& work;
  StepExit exit;
  StepOutcome outcome;
  std::vector<char> signal_stack;
  std::mutex mutex;
  std::condition_variable changed;
  pid_t task = 0;
  bool is_over = false;
};

/// Short enough to need none: what is said where there may be no memory for more.
constexpr const char* kNoMemory = "has no memory";
constexpr const char* kStuck = "waits for what a compilation that crashed still holds: start the program anew";

/// The outcome with what `reason` makes. Never throws: nothing above a step's thread would catch it.
template <class Reason>
void set_outcome(Step& step, StepOutcome::End end, Reason reason) {
  step.outcome.end = end;
  try {
    step.outcome.reason = reason();
  } catch (const std::bad_alloc&) {
    step.outcome.reason = kNoMemory;
  }
}

constexpr const char* kOutOfMemory = "ran out of memory";

constexpr const char* kInherited =
    "waits for what a thread of the process that this one was forked from, or a compilation that crashed, still holds: start the program anew";

/// Whether a step of this process was abandoned. Whatever lock it held is held for ever.
std::atomic<bool> some_was_abandoned = false;

/// Why a step that sleeps for long will not wake up; nullptr where it may.
const char* stuck_reason() {
  if (forks() != 0) return kInherited;
  return some_was_abandoned ? kStuck : nullptr;
}

std::string reason_of(const StepExit& exit) {
  if (exit.has_no_memory) return kOutOfMemory;
  if (exit.signal == 0 || exit.signal == kInterruptSignal) return exit.reason;
  return fmt::format("crashed ({}): the program nests too deeply for it, or it has a defect", describe_fault(exit.signal));
}

/// The work and what it throws; apart, so that the frame that is jumped back to has no state of its own.
void run_work(Step& step) {
  try {
    step.work();
  } catch (const std::bad_alloc&) {
    step.exit.has_no_memory = true;
    set_outcome(step, StepOutcome::End::Abandoned, [] { return kOutOfMemory; });
  } catch (const std::exception& e) {
    set_outcome(step, StepOutcome::End::Abandoned, [&] { return fmt::format("failed: {}", e.what()); });
  }
}

void run_to_its_end(Step& step) {
  if (sigsetjmp(step.exit.place, 1) == 0) {
    set_step_exit(&step.exit);
    run_work(step);
    set_step_exit(nullptr);
  } else {
    set_step_exit(nullptr);
    const bool is_sound = step.exit.signal == 0 && !step.exit.has_no_memory;
    set_outcome(step, is_sound ? StepOutcome::End::Left : StepOutcome::End::Abandoned, [&] { return reason_of(step.exit); });
  }
  step.outcome.has_no_memory = step.exit.has_no_memory;
  if (step.outcome.end == StepOutcome::End::Abandoned) some_was_abandoned = true;
}

void* run_thread(void* argument) {
  Step& step = *static_cast<Step*>(argument);
  {
    const std::lock_guard lock(step.mutex);
    step.task = ::gettid();
  }
  step.changed.notify_one();
  use_signal_stack(step.signal_stack);
  run_to_its_end(step);
  drop_signal_stack();
  {
    const std::lock_guard lock(step.mutex);
    step.is_over = true;
  }
  step.changed.notify_one();
  return nullptr;
}

/// Starts the step's thread with the deepest stack that can be had.
bool start(Step& step, pthread_t& thread) {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  bool started = false;
  for (std::size_t megabytes = 256; megabytes >= 8 && !started; megabytes /= 2) {
    started = pthread_attr_setstacksize(&attributes, megabytes << 20U) == 0 && pthread_create(&thread, &attributes, run_thread, &step) == 0;
  }
  pthread_attr_destroy(&attributes);
  return started;
}

/// Waits for the step's end; one that exceeds its limits is asked to leave, then interrupted. Returns what it exceeded.
std::string wait(Step& step, const CompileLimits& limits, pthread_t thread) {
  using namespace std::chrono_literals;
  std::unique_lock lock(step.mutex);
  std::string excess;
  if (step.changed.wait_for(lock, 50ms, [&] { return step.is_over; })) return excess;
  // No exception may leave here: the thread still works with what stands on the stack of this one.
  std::optional<StepWatch> watch;
  const auto look = [&]() -> std::string {
    try {
      if (!watch) {
        watch.emplace(limits, thread, step.task);
        return {};
      }
      const char* const reason = stuck_reason();
      if (reason == nullptr || !watch->sleeps()) return watch->excess();
      step.exit.is_stuck.store(true, std::memory_order_release);
      return reason;
    } catch (const std::bad_alloc&) {
      return kNoMemory;
    }
  };
  excess = look();
  int asked = 0;
  while (!step.changed.wait_for(lock, 20ms, [&] { return step.is_over; })) {
    if (std::string found = look(); excess.empty()) excess = std::move(found);
    if (excess.empty()) continue;
    step.exit.wanted.store(true, std::memory_order_release);
    // Compiler code reaches a checkpoint soon, unless one pass of it alone takes all this time.
    constexpr int kGrace = 25;
    if (++asked > kGrace || step.exit.is_stuck) interrupt_step(thread);
  }
  return excess;
}

/// The steps that run in their callers' threads just now. From the first step on that is abandoned, and in a forked process, a thread watches
/// them: what that one, or a thread that is not here, held is held for ever, and one that comes to wait for it is taken out.
class StepsHere {
 public:
  /// Of one step, on its thread's stack.
  struct Place {
    StepExit* exit = nullptr;
    pthread_t thread{};
    pid_t task = 0;
    std::uint64_t number = 0;
    Place* next = nullptr;
  };

  void enter(Place& place) {
    const std::lock_guard lock(mutex_);
    place.number = ++last_;
    place.next = std::exchange(first_, &place);
    if (is_watched_) changed_.notify_one();
  }
  void leave(const Place& place) {
    const std::lock_guard lock(mutex_);
    Place** at = &first_;
    while (*at != &place) at = &(*at)->next;
    *at = place.next;
  }
  /// From now on those that sleep for long are interrupted.
  void watch() {
    const std::lock_guard lock(mutex_);
    if (is_watched_) return;
    try {
      std::thread([this] { run(); }).detach();
      is_watched_ = true;
    } catch (const std::exception&) {  // no memory, no thread: the next that is abandoned tries again
    }
  }

 private:
  void run() {
    using namespace std::chrono_literals;
    std::map<std::uint64_t, StepWatch> watches;
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return first_ != nullptr; });
      std::erase_if(watches, [&](const auto& watch) { return !is_here(watch.first); });
      for (Place* place = first_; place != nullptr; place = place->next) look_at(*place, watches);
      lock.unlock();
      std::this_thread::sleep_for(20ms);
      lock.lock();
    }
  }
  [[nodiscard]] bool is_here(std::uint64_t number) const {
    const Place* place = first_;
    while (place != nullptr && place->number != number) place = place->next;
    return place != nullptr;
  }
  static void look_at(Place& place, std::map<std::uint64_t, StepWatch>& watches) {
    try {
      auto& watch = watches.try_emplace(place.number, CompileLimits{}, place.thread, place.task).first->second;
      if (watch.sleeps()) place.exit->is_stuck.store(true, std::memory_order_release);
    } catch (const std::bad_alloc&) {  // looked at again
    }
    if (place.exit->is_stuck.load(std::memory_order_acquire)) interrupt_step(place.thread);
  }

  std::mutex mutex_;  ///< guards what follows; a step leaves before its place is gone
  std::condition_variable changed_;
  Place* first_ = nullptr;
  std::uint64_t last_ = 0;
  bool is_watched_ = false;
};

StepsHere& steps_here() {
  // Kernels may be let go of, and the thread goes on, while the process ends.
  static auto* const steps = new PerProcess<StepsHere>([] { return std::make_unique<StepsHere>(); });
  return **steps;
}

}  // namespace

StepOutcome run_step(const CompileLimits& limits, const std::function<void()>& work) {
  install_fault_handlers();
  Step step(work);
  step.signal_stack.resize(kSignalStackBytes);
  pthread_t thread{};
  if (!start(step, thread)) return {StepOutcome::End::Left, "could not be started: the system gives no thread"};
  std::string excess = wait(step, limits, thread);
  pthread_join(thread, nullptr);
  if (!step.outcome.is_done() && step.outcome.reason.empty()) step.outcome.reason = std::move(excess);
  if (step.outcome.end == StepOutcome::End::Abandoned) steps_here().watch();
  return std::move(step.outcome);
}

StepOutcome run_step_here(const std::function<void()>& work) {
  install_fault_handlers();
  Step step(work);
  StepsHere::Place place{.exit = &step.exit, .thread = ::pthread_self(), .task = ::gettid()};
  steps_here().enter(place);
  if (forks() != 0) steps_here().watch();
  run_to_its_end(step);
  steps_here().leave(place);
  if (step.exit.is_stuck) step.outcome.reason = stuck_reason();
  if (step.outcome.end == StepOutcome::End::Abandoned) steps_here().watch();
  return std::move(step.outcome);
}

Error step_error(const StepOutcome& outcome, const std::string& subject) {
  const auto otherwise = outcome.end == StepOutcome::End::Left ? ErrorCode::ShaderCompilationError : ErrorCode::InternalError;
  const auto code = outcome.has_no_memory ? ErrorCode::OutOfMemory : otherwise;
  return Error(code, fmt::format("{}: the compiler {}", subject, outcome.reason));
}

void leave_step(std::string reason) {
  StepExit& exit = *step_exit();
  exit.reason = std::move(reason);
  siglongjmp(exit.place, 1);
}

void checkpoint() {
  StepExit* exit = step_exit();
  if (exit != nullptr && exit->wanted.load(std::memory_order_acquire)) siglongjmp(exit->place, 1);
}

}  // namespace anymetal::msl
