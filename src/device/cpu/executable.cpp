#include "device/cpu/executable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

namespace anymetal::device::cpu {

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

bool CpuExecutable::is_due_for_timing() const {
  constexpr std::uint32_t kOneOf = 16;
  const auto before = asked_.load(std::memory_order_relaxed);
  asked_.store(before + 1, std::memory_order_relaxed);
  return before < kOneOf || before % kOneOf == 0;
}

Result<Grid> plan_grid(const Dispatch& dispatch) {
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

}  // namespace anymetal::device::cpu
