#pragma once
/// \file
/// How much of the machine's processors the control group of this process may use.

#include <filesystem>
#include <optional>

namespace anymetal::device::cpu {

/// Where the system shows control groups; others in tests.
struct ControlGroupFiles {
  std::filesystem::path hierarchy = "/sys/fs/cgroup";
  std::filesystem::path of_process = "/proc/self/cgroup";
};

/// The smallest quota, in processors, of the process's group and of all groups it lies in; none where none has one.
/// Version 2 (cpu.max) and version 1 (cpu.cfs_quota_us) of the interface:
/// https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/scheduler/sched-bwc.html. Files that
/// are missing or damaged set no limit.
std::optional<double> processor_quota(const ControlGroupFiles& files = {});

}  // namespace anymetal::device::cpu
