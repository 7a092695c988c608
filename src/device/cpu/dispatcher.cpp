#include "device/cpu/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <mutex>
#include <optional>
#include <span>

#include "device/cpu/group_scheduler.hpp"
#include "device/cpu/thread_pool.hpp"
#include "device/cpu/worker_arena.hpp"
#include "observe/trace.hpp"

namespace anymetal::device::cpu {
namespace {

/// Below this a dispatch is over before another thread could help.
constexpr double kInlineNanoseconds = 4000;

struct Grid {
  std::array<std::uint32_t, 3> groups{};
  std::uint64_t count = 0;
};

/// Threadgroups of a dispatch, or InvalidDispatch.
Result<Grid> plan(const Dispatch& dispatch) {
  const std::array threads{dispatch.threads.x, dispatch.threads.y, dispatch.threads.z};
  const std::array group{dispatch.threads_per_threadgroup.x, dispatch.threads_per_threadgroup.y,
                         dispatch.threads_per_threadgroup.z};
  Grid grid;
  grid.count = 1;
  std::size_t total = 1;
  for (unsigned d = 0; d < 3; ++d) {
    if (group[d] == 0 || group[d] > kMaxThreads || (total *= group[d]) > kMaxThreads)
      return fail(ErrorCode::InvalidDispatch,
                  fmt::format("{}: a threadgroup of {} x {} x {} threads; the CPU device takes 1 to {}", dispatch.label,
                              group[0], group[1], group[2], kMaxThreads));
    // Generated code computes positions past the last thread, up to a whole threadgroup.
    if (threads[d] > std::numeric_limits<std::uint32_t>::max() - kMaxThreads)
      return fail(ErrorCode::InvalidDispatch,
                  fmt::format("{}: a grid of {} threads in one dimension", dispatch.label, threads[d]));
    grid.groups[d] = static_cast<std::uint32_t>((threads[d] + group[d] - 1) / group[d]);
    if (__builtin_mul_overflow(grid.count, grid.groups[d], &grid.count))
      return fail(ErrorCode::InvalidDispatch, fmt::format("{}: a grid of 2^64 threadgroups or more", dispatch.label));
  }
  return grid;
}

}  // namespace

CpuExecutable::CpuExecutable(std::shared_ptr<const LinkedKernel> kernel, msl::EntryReflection reflection,
                             MakeGeneral make_general)
    : kernel_(std::move(kernel)), reflection_(std::move(reflection)), make_general_(std::move(make_general)) {}

Result<const KernelTable*> CpuExecutable::table(const CommandList& list, const Dispatch& dispatch) const {
  const auto& table = kernel_->table();
  if (!make_general_) return &table;
  const std::span bound(list.arguments.data() + dispatch.first_argument, dispatch.argument_count);
  const bool fits = table.largest_buffer == 0 || std::ranges::all_of(bound, [&](const auto& argument) {
                      return argument.kind != BoundArgument::Kind::Buffer || argument.length <= table.largest_buffer;
                    });
  const bool rows = dispatch.threads_per_threadgroup.x % kSimdWidth == 0 && dispatch.threads.x % kSimdWidth == 0;
  if (fits && rows) return &table;
  std::call_once(general_made_, [this] { general_ = make_general_(); });
  if (!general_) return std::unexpected(general_.error());
  return &(*general_)->table();
}

std::size_t CpuExecutable::max_total_threads_per_threadgroup() const {
  return std::min<std::size_t>(reflection_.max_total_threads, kMaxThreads);
}

double CpuExecutable::expected_nanoseconds(double threads) const {
  return threads * nanoseconds_per_thread_.load(std::memory_order_relaxed);
}

void CpuExecutable::record_time(double threads, double nanoseconds) const {
  const auto before = nanoseconds_per_thread_.load(std::memory_order_relaxed);
  const auto now = nanoseconds / threads;
  nanoseconds_per_thread_.store(before == 0 ? now : before + (now - before) / 4, std::memory_order_relaxed);
}

struct Dispatcher::Impl {
  explicit Impl(unsigned threads) : pool(threads), arenas(pool.threads()), prepared(pool.threads(), 0) {}

  Result<void> run(const CommandList& list, const Dispatch& dispatch);

  std::mutex mutex;
  ThreadPool pool;
  std::vector<WorkerArena> arenas;
  std::vector<std::uint64_t> prepared;  ///< per worker, the last dispatch its arena was prepared for
  std::uint64_t sequence = 0;
};

Result<void> Dispatcher::Impl::run(const CommandList& list, const Dispatch& dispatch) {
  const auto grid = plan(dispatch);
  if (!grid) return std::unexpected(grid.error());
  if (grid->count == 0) return {};
  const auto& executable = static_cast<const CpuExecutable&>(*dispatch.executable);
  const auto table = executable.table(list, dispatch);
  if (!table) return std::unexpected(table.error());
  const KernelTable& kernel = **table;
  ++sequence;
  std::atomic<bool> stopped = false;
  std::mutex failure_mutex;
  std::optional<Error> failure;
  auto stop = [&](const Error& error) {
    const std::scoped_lock lock(failure_mutex);
    if (!failure) failure = error;
    stopped.store(true, std::memory_order_relaxed);
  };
  const ThreadPool::Body body = [&](unsigned worker, std::uint64_t first, std::uint64_t last) {
    if (stopped.load(std::memory_order_relaxed)) return;
    auto& arena = arenas[worker];
    if (prepared[worker] != sequence) {
      if (auto ready = arena.prepare(list, dispatch, kernel, grid->groups); !ready) return stop(ready.error());
      prepared[worker] = sequence;
    }
    if (!run_threadgroups(kernel, arena.context(), first, last))
      stop(Error(ErrorCode::InvalidDispatch,
                 fmt::format("{}: threads of one threadgroup wait at different threadgroup barriers, so that none of "
                             "them can go on; every thread that has not returned must reach the same barrier",
                             dispatch.label)));
  };

  const auto threads = static_cast<double>(dispatch.threads.x) * static_cast<double>(dispatch.threads.y) *
                       static_cast<double>(dispatch.threads.z);
  const auto expected = executable.expected_nanoseconds(threads);
  const bool alone = grid->count == 1 || (expected > 0 && expected < kInlineNanoseconds);
  const auto start = std::chrono::steady_clock::now();
  if (alone) {
    body(0, 0, grid->count);
  } else {
    pool.run(grid->count, body);
  }
  const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - start;
  executable.record_time(threads, taken.count() * (alone ? 1.0 : static_cast<double>(pool.threads())));
  if (failure) return std::unexpected(failure->with_key(std::string(dispatch.label)));
  return {};
}

Dispatcher::Dispatcher(unsigned threads) : impl_(std::make_unique<Impl>(threads)) {}
Dispatcher::~Dispatcher() = default;

Result<void> Dispatcher::execute(const CommandList& list) {
  const std::scoped_lock lock(impl_->mutex);
  for (const auto& dispatch : list.dispatches) {
    const trace::Span span("dispatch", dispatch.label);
    if (auto done = impl_->run(list, dispatch); !done) return done;
  }
  return {};
}

}  // namespace anymetal::device::cpu
