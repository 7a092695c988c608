#pragma once
/// \file
/// Lets readers of a published pointer run without a lock, and the writer know when none of them can see the old one.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace anymetal::registry {

/// Read sections that cost two uncontended atomic increments each.
///
/// Each thread counts its entries and exits in a slot of its own (threads beyond kSlots share). A writer first publishes
/// a new pointer, then waits for every section that may hold the old one. Entries and exits are counted apart for two
/// parities; waiting for one parity while new readers use the other keeps a stream of readers from starving the writer,
/// and waiting for both in turn covers a reader that chose its parity long before it entered.
///
/// Thread contract: sections from any thread; `wait_for_readers` from one thread at a time, outside of a section.
class ReaderEpochs {
 public:
  class Section {
   public:
    explicit Section(std::atomic<std::uint64_t>& left) : left_(left) {}
    ~Section() { left_.fetch_add(1, std::memory_order_release); }
    Section(const Section&) = delete;
    Section& operator=(const Section&) = delete;

   private:
    std::atomic<std::uint64_t>& left_;
  };

  /// The published pointer must be loaded inside the section, with sequential consistency.
  [[nodiscard]] Section enter() const {
    Slot& slot = slots_[slot_index()];
    const std::size_t parity = epoch_.load(std::memory_order_relaxed) & 1u;
    slot.entered[parity].fetch_add(1, std::memory_order_seq_cst);
    return Section(slot.left[parity]);
  }

  /// Returns when all sections entered before the last publication have ended.
  void wait_for_readers() {
    for (int turn = 0; turn < 2; ++turn) {
      const std::size_t parity = epoch_.fetch_add(1, std::memory_order_seq_cst) & 1u;
      for (Slot& slot : slots_) {
        while (!drained(slot, parity)) std::this_thread::yield();
      }
    }
  }

  /// Sections entered so far.
  [[nodiscard]] std::uint64_t sections() const {
    std::uint64_t sum = 0;
    for (const Slot& slot : slots_) sum += slot.entered[0].load() + slot.entered[1].load();
    return sum;
  }

 private:
  static constexpr std::size_t kSlots = 64;
  struct alignas(64) Slot {
    std::array<std::atomic<std::uint64_t>, 2> entered{};
    std::array<std::atomic<std::uint64_t>, 2> left{};
  };

  // Exits are read first: if they then equal the entries, no section was open when they were read.
  static bool drained(const Slot& slot, std::size_t parity) {
    const auto left = slot.left[parity].load(std::memory_order_acquire);
    return slot.entered[parity].load(std::memory_order_seq_cst) == left;
  }

  static std::size_t slot_index() {
    static std::atomic<std::size_t> next{0};
    thread_local const std::size_t index = next.fetch_add(1, std::memory_order_relaxed) % kSlots;
    return index;
  }

  mutable std::array<Slot, kSlots> slots_{};
  std::atomic<std::uint64_t> epoch_{0};
};

}  // namespace anymetal::registry
