#include "msl/step_watch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>

namespace anymetal::msl {
namespace {

/// Bytes of memory of the process that no file backs.
std::uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  in >> total >> resident >> shared;
  return (resident - std::min(resident, shared)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// What the system says of a thread after its name (proc(5)): state, six numbers, page faults...
std::string statistics(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  const std::size_t name_end = line.rfind(") ");
  return name_end == std::string::npos ? std::string() : line.substr(name_end + 2);
}

/// Page faults the thread has taken without input or output.
std::uint64_t page_faults(const std::string& path) {
  const std::string line = statistics(path);
  std::size_t at = 0;
  for (int skipped = 0; skipped < 7 && at != std::string::npos; ++skipped) at = line.find(' ', at + 1);
  return at == std::string::npos ? 0 : std::strtoull(line.c_str() + at, nullptr, 10);
}

/// Processor time of a thread in nanoseconds; 0 where it cannot be told.
std::uint64_t processor_time(pthread_t thread) {
  clockid_t clock{};
  timespec used{};
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

std::uint64_t largest_page() {
  std::ifstream in("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string modes;
  std::getline(in, modes);
  constexpr std::uint64_t kHuge = 2U << 20U;
  return modes.find("[always]") != std::string::npos ? kHuge : static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

StepWatch::StepWatch(const CompileLimits& limits, pthread_t thread, pid_t task)
    : limits_(limits), thread_(thread), task_statistics_(fmt::format("/proc/self/task/{}/stat", task)), huge_page_(largest_page()),
      last_resident_(resident_bytes()), last_faults_(page_faults(task_statistics_)) {}

std::string StepWatch::excess() {
  if (limits_.seconds != 0 && processor_time(thread_) / 1'000'000'000 >= limits_.seconds) {
    return fmt::format("took more than {} s of processor time: the limit is CompileLimits::seconds (--limit seconds=N)", limits_.seconds);
  }
  if (limits_.megabytes == 0) return {};
  // Memory belongs to the process: of its growth, only what the thread's own page faults can have brought counts.
  const std::uint64_t resident = resident_bytes();
  const std::uint64_t faults = page_faults(task_statistics_);
  if (resident > last_resident_) attributed_ += std::min(resident - last_resident_, (faults - last_faults_) * huge_page_);
  else attributed_ -= std::min(attributed_, last_resident_ - resident);
  last_resident_ = resident;
  last_faults_ = faults;
  if (attributed_ <= static_cast<std::uint64_t>(limits_.megabytes) << 20U) return {};
  return fmt::format("took more than {} MiB of memory: the limit is CompileLimits::megabytes (--limit megabytes=N)", limits_.megabytes);
}

bool StepWatch::sleeps() {
  constexpr int kAsked = 250;
  const std::uint64_t used = processor_time(thread_);
  const bool is_asleep = used == last_used_ && statistics(task_statistics_).starts_with('S');
  last_used_ = used;
  asked_asleep_ = is_asleep ? asked_asleep_ + 1 : 0;
  return asked_asleep_ >= kAsked;
}

}  // namespace anymetal::msl
