#pragma once
/// \file
/// Memory that notices every access beyond its ends.

#include <anymetal/error.hpp>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <span>

namespace anymetal::cases {

/// Whole pages between inaccessible ones. An access to those is noted and then let through, so that what ran can end
/// and be reported. The first object takes over SIGSEGV, which goes on to the earlier handler where no such page is at
/// fault. Thread contract: made and destroyed while nothing accesses it; accesses may come from any thread.
class GuardedMemory {
 public:
  /// As far as an access outside is still seen as this memory's, a multiple of every page size.
  static constexpr std::size_t kUsualReach = std::size_t{1} << 16;
  /// Pages for at least `bytes`, zero-filled, between `reach` inaccessible bytes, a multiple of kUsualReach, on each
  /// side: kUsualReach of them where there is no room for more. OutOfMemory where the system has none or too many
  /// objects live.
  static Result<std::shared_ptr<GuardedMemory>> make(std::size_t bytes, std::size_t reach = kUsualReach);
  ~GuardedMemory();
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  [[nodiscard]] std::span<std::byte> pages() const { return pages_; }
  /// Where the first access outside was, in bytes from the start of pages(): negative before it.
  [[nodiscard]] std::optional<std::ptrdiff_t> access_outside() const;

 private:
  static constexpr std::ptrdiff_t kNone = std::numeric_limits<std::ptrdiff_t>::min();
  GuardedMemory(std::span<std::byte> pages, std::size_t reach) : pages_(pages), reach_(reach) {}
  [[nodiscard]] std::span<std::byte> mapping() const;
  bool open_guard_at(std::byte* address);
  static void on_fault(int signal, siginfo_t* info, void* context);

  std::span<std::byte> pages_;
  std::size_t reach_;
  std::atomic<std::ptrdiff_t> outside_{kNone};
};

}  // namespace anymetal::cases
