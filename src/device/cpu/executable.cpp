#include "device/cpu/executable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

namespace anymetal::device::cpu {

CpuExecutable::CpuExecutable(std::shared_ptr<const LinkedKernel> kernel, msl::EntryReflection reflection,
                             MakeForm make_form, double merged_from)
    : kernel_(std::move(kernel)),
      reflection_(std::move(reflection)),
      make_form_(std::move(make_form)),
      merged_from_(merged_from) {
  for (std::size_t i = 0; i < kNotedArguments; ++i)
    if (access_of(i) != Access::Read) written_ |= std::uint64_t{1} << i;
}

Result<const KernelTable*> CpuExecutable::table(Form form) const {
  if (form == Form::Rows32) return &kernel_->table();
  const auto made = forms_[static_cast<std::size_t>(form)].get([&] { return make_form_(form); });
  if (!made) return std::unexpected(made.error());
  return &(**made)->table();
}

Result<DispatchCode> CpuExecutable::code(const CommandList& list, const Dispatch& dispatch) const {
  const auto& main = kernel_->table();
  if (!make_form_) return DispatchCode{&main, &main};
  const std::span bound(list.arguments.data() + dispatch.first_argument, dispatch.argument_count);
  const auto takes_buffers = [&](const KernelTable& kernel) {
    return kernel.largest_buffer == 0 || std::ranges::all_of(bound, [&](const auto& argument) {
             return argument.kind != BoundArgument::Kind::Buffer || argument.length <= kernel.largest_buffer;
           });
  };
  const bool fits = takes_buffers(main);
  if (main.run != nullptr) {
    const auto any = table(fits ? Form::Rows32 : Form::Large32);
    if (!any) return std::unexpected(any.error());
    return DispatchCode{*any, *any};
  }
  const auto& group = dispatch.threads_per_threadgroup;
  GroupShape shape{.row = group.x,
                   .dispatched = group.x,
                   .is_one_row = group.y * group.z == 1,
                   .threads = group.x * group.y * group.z};
  const auto form = [&] {
    const auto fitting = form_for(shape, main.in_simdgroups != 0);
    return table(fits ? fitting : for_any_buffer(fitting));
  };
  // One of merged threads where there is one that takes these buffers.
  const auto merged = [&]() -> Result<const KernelTable*> {
    const auto found = merged_form_for({group.x, group.y, group.z}, main);
    if (!fits || !found || threads_of(dispatch) < merged_from_) return nullptr;
    const auto made = table(*found);
    return !made || takes_buffers(**made) ? made : nullptr;
  }();
  if (!merged) return std::unexpected(merged.error());
  const auto whole = *merged != nullptr ? merged : form();
  if (!whole) return std::unexpected(whole.error());
  const auto rest = [](std::size_t threads, std::size_t of) { return of == 0 ? 0 : threads % of; };
  const auto cut = rest(dispatch.threads.x, group.x);
  const bool is_cut = cut != 0 || (needs_whole_threadgroups(**whole) &&
                                   (rest(dispatch.threads.y, group.y) != 0 || rest(dispatch.threads.z, group.z) != 0));
  if (!is_cut) return DispatchCode{*whole, *whole};
  if (cut != 0) shape.row = cut;
  shape.threads = 0;
  const auto ends = form();
  if (!ends) return std::unexpected(ends.error());
  return DispatchCode{*whole, *ends};
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
