#include "device/cpu/host.hpp"

#include <fmt/format.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/Triple.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <new>

#include "device/cpu/processor_features.hpp"
#include "device/cpu/processor_quota.hpp"
#include "msl/compile_guard.hpp"

namespace anymetal::device::cpu {
namespace {

HostTarget detect_target() {
  if (const char* wanted = std::getenv("ANYMETAL_CPU_TARGET"); wanted && *wanted) return named_target(wanted);
  return {llvm::sys::getProcessTriple(), llvm::sys::getHostCPUName().str(), as_text(features_of_this_processor())};
}

/// Processors the control group's quota pays for, rounded up; `limit` where there is none.
unsigned quota_threads(unsigned limit) {
  const auto quota = processor_quota();
  return quota && *quota < limit ? static_cast<unsigned>(std::ceil(*quota)) : limit;
}

unsigned affinity_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

std::string model_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != std::string::npos) return line.substr(colon + 2);
  return host_target().cpu;
}

/// The features a person looks for, of those the host has.
std::string notable_features() {
  std::string list;
  for (const char* name : {"avx2", "fma", "f16c", "avx512f", "avx512vnni", "avx512bf16", "amx-tile", "neon", "dotprod",
                           "i8mm", "bf16", "sve"}) {
    if (host_target().features.find(fmt::format("+{}", name)) == std::string::npos) continue;
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  return list;
}

}  // namespace

HostTarget named_target(std::string_view name) {
  const auto colon = name.rfind(':');
  HostTarget target{llvm::sys::getProcessTriple(), std::string(name.substr(colon == name.npos ? 0 : colon + 1)), {}};
  if (colon != name.npos) target.triple = name.substr(0, colon);
  target.features = as_text(features_of(target.triple, target.cpu));
  return target;
}

const HostTarget& host_target() {
  static const HostTarget target = [] {
    HostTarget detected;
    // LLVM ends the process where it gets no memory outside of a step.
    if (!msl::run_step_here([&] { detected = detect_target(); }).is_done()) throw std::bad_alloc();
    return detected;
  }();
  return target;
}

namespace {

Result<void> find_out_whether_it_runs_here() {
  const auto& target = host_target();
  const llvm::Triple here(llvm::sys::getProcessTriple());
  if (llvm::Triple(target.triple).getArch() != here.getArch())
    return fail(
        ErrorCode::UnsupportedByDevice,
        fmt::format("code for {} cannot run on {}; ANYMETAL_CPU_TARGET asks for it, with which kernels can only be "
                    "compiled",
                    target.triple, here.str()));
  std::string missing;
  for (const auto& [name, present] : features_of_this_processor())
    if (!present && ("," + target.features + ",").find(",+" + name + ",") != std::string::npos)
      missing += (missing.empty() ? "" : ", ") + name;
  if (missing.empty()) return {};
  return fail(ErrorCode::UnsupportedByDevice,
              fmt::format("this processor lacks {}, which ANYMETAL_CPU_TARGET={} needs", missing, target.cpu));
}

}  // namespace

Result<void> check_runs_here() {
  // Asked once a kernel: reading the features takes the processor's slowest instructions.
  static const Result<void> outcome = find_out_whether_it_runs_here();
  return outcome;
}

unsigned usable_threads() {
  unsigned threads = std::max(1u, quota_threads(affinity_threads()));
  if (const char* text = std::getenv("ANYMETAL_THREADS")) {
    unsigned wanted = 0;
    const std::string_view digits = text;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), wanted);
    if (error == std::errc() && end == digits.data() + digits.size() && wanted >= 1) threads = std::min(wanted, 1024u);
  }
  return threads;
}

DeviceInfo describe_host(unsigned threads) {
  const auto& target = host_target();
  DeviceInfo info;
  info.id = "cpu";
  info.name = model_name();
  const auto machine = target.triple.substr(0, target.triple.find('-'));
  info.architecture = fmt::format("{} {} ({})", machine, target.cpu, notable_features());
  const auto pages = sysconf(_SC_PHYS_PAGES);
  const auto page_size = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_size > 0)
    info.memory_bytes = static_cast<std::size_t>(pages) * static_cast<std::size_t>(page_size);
  info.compute_units = threads;
  info.has_tensor = true;  // matrix products in the vector units, written by the code generator
  return info;
}

}  // namespace anymetal::device::cpu
