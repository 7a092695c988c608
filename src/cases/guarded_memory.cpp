#include "cases/guarded_memory.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace anymetal::cases {
namespace {

/// What the signal handler knows: it may neither allocate nor lock.
std::array<std::atomic<GuardedMemory*>, 64> live{};
struct sigaction previous {};

}  // namespace

std::span<std::byte> GuardedMemory::mapping() const { return {pages_.data() - reach_, pages_.size() + 2 * reach_}; }

/// Whether the address is in one of the two guards. As much as is needed becomes memory: a kernel may run far.
bool GuardedMemory::open_guard_at(std::byte* address) {
  const auto all = mapping();
  if (address < all.data() || address >= all.data() + all.size()) return false;
  const std::ptrdiff_t offset = address - pages_.data();
  std::ptrdiff_t none = kNone;
  outside_.compare_exchange_strong(none, offset);
  std::byte* const guard = offset < 0 ? all.data() : pages_.data() + pages_.size();
  std::byte* const opened =
      guard + (address - guard) / static_cast<std::ptrdiff_t>(kUsualReach) * static_cast<std::ptrdiff_t>(kUsualReach);
  return mprotect(opened, kUsualReach, PROT_READ | PROT_WRITE) == 0;
}

void GuardedMemory::on_fault(int signal, siginfo_t* info, void*) {
  for (const auto& memory : live) {
    GuardedMemory* const candidate = memory.load();
    if (candidate != nullptr && candidate->open_guard_at(static_cast<std::byte*>(info->si_addr))) return;
  }
  sigaction(signal, &previous, nullptr);  // the access is repeated and meets the earlier handler
}

Result<std::shared_ptr<GuardedMemory>> GuardedMemory::make(std::size_t bytes, std::size_t reach) {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = &GuardedMemory::on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    return sigaction(SIGSEGV, &action, &previous) == 0;
  }();
  if (!installed) return fail(ErrorCode::InternalError, "cannot handle SIGSEGV");

  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t size = std::max(page, (bytes + page - 1) / page * page);
  void* const start = mmap(nullptr, size + 2 * reach, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) {
    if (reach > kUsualReach) return make(bytes, kUsualReach);
    return fail(ErrorCode::OutOfMemory, fmt::format("no {} bytes of guarded memory", bytes));
  }
  std::byte* const pages = static_cast<std::byte*>(start) + reach;
  std::shared_ptr<GuardedMemory> memory(new GuardedMemory({pages, size}, reach));
  if (mprotect(pages, size, PROT_READ | PROT_WRITE) != 0) {
    return fail(ErrorCode::OutOfMemory, fmt::format("no {} bytes of guarded memory", bytes));
  }
  for (auto& place : live) {
    GuardedMemory* empty = nullptr;
    if (place.compare_exchange_strong(empty, memory.get())) return memory;
  }
  return fail(ErrorCode::OutOfMemory, fmt::format("more than {} guarded memories at a time", live.size()));
}

GuardedMemory::~GuardedMemory() {
  for (auto& place : live) {
    GuardedMemory* self = this;
    place.compare_exchange_strong(self, nullptr);
  }
  const auto all = mapping();
  munmap(all.data(), all.size());
}

std::optional<std::ptrdiff_t> GuardedMemory::access_outside() const {
  const std::ptrdiff_t offset = outside_.load();
  return offset == kNone ? std::nullopt : std::optional(offset);
}

}  // namespace anymetal::cases
