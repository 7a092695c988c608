#include "device/cpu/short_list.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "device/cpu/executable.hpp"
#include "device/cpu/group_scheduler.hpp"
#include "device/cpu/transfer.hpp"
#include "observe/trace.hpp"

namespace anymetal::device::cpu {
namespace {

using Clock = std::chrono::steady_clock;

/// A thread that looks for work takes about a microsecond to find some, one that sleeps tens of them.
constexpr double kShortNanoseconds = 4 * kSmallNanoseconds;

bool is_due_for_timing(const Dispatch& dispatch) {
  return trace::enabled() ||
         (!is_transfer(dispatch) && static_cast<const CpuExecutable&>(*dispatch.executable).is_due_for_timing());
}

Result<void> run_dispatch(const CommandList& list, const Dispatch& dispatch, WorkerArena& arena) {
  if (is_transfer(dispatch)) {
    run_transfer(list, dispatch, 0, transfer_pieces(list, dispatch));
    return {};
  }
  const auto& executable = static_cast<const CpuExecutable&>(*dispatch.executable);
  const auto grid = plan_grid(dispatch);
  if (!grid) return std::unexpected(grid.error());
  const auto code = executable.code(list, dispatch);
  if (!code) return std::unexpected(code.error());
  auto ready = arena.prepare(list, dispatch, *code, grid->groups, {});
  arena.context().is_alone = 1;
  if (ready && !run_threadgroups(*code, arena.context(), 0, grid->count)) ready = stuck_at_barriers(dispatch.label);
  if (!ready) return std::unexpected(ready.error().with_key(std::string(dispatch.label)));
  return {};
}

}  // namespace

bool is_short(const CommandList& list) {
  double left = kShortNanoseconds;
  for (const auto& dispatch : list.dispatches) {
    const auto expected =
        is_transfer(dispatch)
            ? expected_transfer_nanoseconds(list, dispatch)
            : static_cast<const CpuExecutable&>(*dispatch.executable).expected_nanoseconds(threads_of(dispatch));
    if (!is_small(expected) || (left -= expected) < 0) return false;
  }
  return true;
}

Result<void> run_in_order(const CommandList& list, WorkerArena& arena) {
  std::vector<trace::Event> events;
  Result<void> done;
  for (const auto& dispatch : list.dispatches) {
    if (!is_due_for_timing(dispatch)) {
      done = run_dispatch(list, dispatch, arena);
    } else {
      const auto start = Clock::now();
      done = run_dispatch(list, dispatch, arena);
      const auto end = Clock::now();
      if (!is_transfer(dispatch))
        static_cast<const CpuExecutable&>(*dispatch.executable)
            .record_time(threads_of(dispatch), std::chrono::duration<double, std::nano>(end - start).count());
      if (trace::enabled()) events.push_back({"dispatch", dispatch.label, start, end, trace::this_thread()});
    }
    if (!done) break;
  }
  if (!events.empty()) trace::write(events);
  return done;
}

}  // namespace anymetal::device::cpu
