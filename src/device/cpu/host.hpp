#pragma once
/// \file
/// The processor this process runs on.

#include <anymetal/device.hpp>
#include <anymetal/error.hpp>

#include <string>
#include <string_view>

namespace anymetal::device::cpu {

/// What code is generated for: this processor, or what `ANYMETAL_CPU_TARGET` names as `[TRIPLE:]CPU`.
struct HostTarget {
  std::string triple;
  std::string cpu;       ///< LLVM's name, e.g. "znver3"
  std::string features;  ///< LLVM's feature string, sorted: "+avx,+avx2,-avx512f..."
};
const HostTarget& host_target();
/// `[TRIPLE:]CPU`, e.g. "x86-64-v3" or "aarch64-linux-gnu:neoverse-n1".
HostTarget named_target(std::string_view name);

/// UnsupportedByDevice where this processor cannot run code for host_target().
Result<void> check_runs_here();

/// Threads worth using: the affinity mask, the control group's quota, `ANYMETAL_THREADS`; at least one.
unsigned usable_threads();

/// The device as `Device::list()` shows it, with `threads` compute units.
DeviceInfo describe_host(unsigned threads);

}  // namespace anymetal::device::cpu
