#include "device/cpu/group_scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace anymetal::device::cpu {
namespace {

// A barrier opens when every simdgroup that has not returned waits at one, as GPUs count them: which one does not matter, so that simdgroups
// may take different branches to barriers of their own. The threads of one simdgroup wait at the same.

/// Lanes of a simdgroup that wait at `barrier`, as a mask; `*consistent` turns false if one waits elsewhere.
std::uint32_t lanes_at(const Site* sites, Site barrier, bool& consistent) {
  std::uint32_t mask = 0;
  std::uint32_t elsewhere = 0;
  for (unsigned lane = 0; lane < kSimdWidth; ++lane) {
    mask |= static_cast<std::uint32_t>(sites[lane] == barrier) << lane;
    elsewhere |= static_cast<std::uint32_t>(sites[lane] != barrier && sites[lane] != kReturned);
  }
  consistent = consistent && elsewhere == 0;
  return mask;
}

/// A threadgroup whose threads run as units of lanes: each has one site.
bool run_units(const KernelTable& kernel, GroupContext& context) {
  const auto* size = context.threads_per_threadgroup;
  const auto lanes = static_cast<std::uint32_t>(kernel.lanes_per_unit);
  const std::uint32_t units = units_of(kernel, size[0], size[1], size[2]);
  const bool are_simdgroups = lanes % kSimdWidth == 0 && (kernel.folded != 0 || size[0] % kSimdWidth == 0 || units == 1);
  for (std::uint32_t unit = 0; unit < units; ++unit) kernel.start(&context, unit, lanes);
  auto* const waits = context.sites;
  while (true) {
    const Site barrier = *std::min_element(waits, waits + units);
    if (barrier == kReturned) return true;
    const bool opens = std::all_of(waits, waits + units, [&](Site site) {
      return site == kReturned || (site != kDivergentBarrier && (are_simdgroups || site == barrier));
    });
    if (!opens) return false;
    for (std::uint32_t unit = 0; unit < units; ++unit)
      if (waits[unit] != kReturned) kernel.advance(&context, unit, 1);
  }
}

}  // namespace

bool run_threadgroup(const KernelTable& kernel, GroupContext& context) {
  if (kernel.lanes_per_unit != 1) return run_units(kernel, context);
  const auto* size = context.threads_per_threadgroup;
  const std::uint32_t threads = size[0] * size[1] * size[2];
  const std::uint32_t simdgroups = (threads + kSimdWidth - 1) / kSimdWidth;
  std::fill(context.sites + threads, context.sites + simdgroups * kSimdWidth, kReturned);
  std::array<Site, kMaxSimdgroups> waits{};
  for (std::uint32_t s = 0; s < simdgroups; ++s) {
    kernel.start(&context, s, std::min(kSimdWidth, threads - s * kSimdWidth));
    waits[s] = kernel.advance(&context, s, 0);
  }
  while (true) {
    if (std::all_of(waits.begin(), waits.begin() + simdgroups, [](Site site) { return site == kReturned; })) return true;
    std::array<std::uint32_t, kMaxSimdgroups> masks{};
    bool consistent = true;
    for (std::uint32_t s = 0; s < simdgroups; ++s) {
      if (waits[s] == kReturned) continue;
      consistent = consistent && waits[s] != kDivergentBarrier;
      masks[s] = lanes_at(context.sites + s * kSimdWidth, waits[s], consistent);
    }
    if (!consistent) return false;
    for (std::uint32_t s = 0; s < simdgroups; ++s)
      if (masks[s] != 0) waits[s] = kernel.advance(&context, s, masks[s]);
  }
}

bool run_threadgroups(const DispatchCode& code, GroupContext& context, std::uint64_t first, std::uint64_t last) {
  if (code.whole->run) {
    code.whole->run(&context, first, last);
    return true;
  }
  const auto* groups = context.groups_per_grid;
  for (auto linear = first; linear < last; ++linear) {
    const auto row = linear / groups[0];
    context.group[0] = static_cast<std::uint32_t>(linear % groups[0]);
    context.group[1] = static_cast<std::uint32_t>(row % groups[1]);
    context.group[2] = static_cast<std::uint32_t>(row / groups[1]);
    for (unsigned d = 0; d < 3; ++d) {
      const auto whole = context.dispatch_threads_per_threadgroup[d];
      context.threads_per_threadgroup[d] = std::min(whole, context.threads_per_grid[d] - context.group[d] * whole);
    }
    const auto is_shorter = [&](unsigned d) {
      return context.threads_per_threadgroup[d] != context.dispatch_threads_per_threadgroup[d];
    };
    const bool is_cut = is_shorter(0) || (needs_whole_threadgroups(*code.whole) && (is_shorter(1) || is_shorter(2)));
    if (!run_threadgroup(is_cut ? *code.ends : *code.whole, context)) return false;
  }
  return true;
}

Result<void> stuck_at_barriers(std::string_view label) {
  return fail(
      ErrorCode::InvalidDispatch,
      fmt::format("{}: threads of one simdgroup wait at different threadgroup barriers, so that none of them can go "
                  "on; every thread that has not returned must reach the same barrier",
                  label));
}

}  // namespace anymetal::device::cpu
