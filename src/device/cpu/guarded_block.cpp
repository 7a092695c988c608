#include "device/cpu/guarded_block.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "device/aligned.hpp"
#include "device/cpu/kernel_abi.hpp"

namespace anymetal::device::cpu {
namespace {

/// Pages that hold threadgroup memory, as a signal handler can look at them: it may neither lock nor allocate.
struct Pages {
  std::atomic<std::uintptr_t> begin = 0;  ///< 0 where the place is free, 1 while it is being filled
  std::atomic<std::uintptr_t> end = 0;
};
std::array<Pages, 1024> threadgroup_pages;

std::uintptr_t number(const std::byte* at) { return reinterpret_cast<std::uintptr_t>(at); }

void note(const std::byte* begin, std::size_t size) {
  for (auto& place : threadgroup_pages) {
    std::uintptr_t empty = 0;
    if (!place.begin.compare_exchange_strong(empty, 1)) continue;
    place.end = number(begin) + size;
    place.begin = number(begin);
    return;
  }
}

void forget(const std::byte* begin) {
  for (auto& place : threadgroup_pages) {
    std::uintptr_t noted = number(begin);
    if (place.begin.compare_exchange_strong(noted, 0)) return;
  }
}

}  // namespace

GuardedBlock::~GuardedBlock() { release(); }

void GuardedBlock::release() {
  if (pages_ == nullptr) return;
  if (holds_ == Holds::ThreadgroupMemory) forget(pages_);
  munmap(pages_ - kReach, size_ + 2 * kReach);
  pages_ = nullptr;
  size_ = 0;
}

bool GuardedBlock::reserve(std::size_t bytes) {
  if (bytes <= size_) return true;
  release();
  const auto size = aligned(bytes, static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
  const auto all = size + 2 * kReach;
  void* const start = mmap(nullptr, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) return false;
  auto* const pages = static_cast<std::byte*>(start) + kReach;
  if (mprotect(pages, size, PROT_READ | PROT_WRITE) != 0) {
    munmap(start, all);
    return false;
  }
  pages_ = pages;
  size_ = size;
  if (holds_ == Holds::ThreadgroupMemory) note(pages_, size_);
  return true;
}

std::byte* GuardedBlock::last(std::size_t bytes) const { return pages_ + size_ - aligned(bytes, kArenaAlignment); }

bool is_beside_threadgroup_memory(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  return std::ranges::any_of(threadgroup_pages, [&](const Pages& pages) {
    const std::uintptr_t begin = pages.begin;
    return begin > 1 && at >= begin - GuardedBlock::kReach && at < pages.end + GuardedBlock::kReach;
  });
}

}  // namespace anymetal::device::cpu
