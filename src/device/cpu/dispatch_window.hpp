#pragma once
/// \file
/// The dispatches of a command list on their way through the threads.

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "device/backend.hpp"
#include "device/cpu/buffer_uses.hpp"
#include "device/cpu/executable.hpp"
#include "device/cpu/parking.hpp"
#include "device/cpu/worker_arena.hpp"
#include "observe/trace.hpp"

namespace anymetal::device::cpu {

/// Runs one command list after another, each by as many threads as come along. A dispatch starts once all earlier ones
/// of its list whose memory conflicts with its own are complete, whatever others are still running.
///
/// Dispatches are numbered through all lists and pass through a ring of slots: they are *opened* in order, one thread
/// at a time, up to kSlots ahead of the oldest that is incomplete; cut into *pieces* (each worker's share of the
/// threadgroups in some chunks, or everything where it is little) that threads *claim* by compare-and-swap on a word
/// that carries the dispatch's number; *complete* when the last piece is done. A thread that looks at a slot too late,
/// when it holds a later dispatch, sees another number and claims nothing, so that nobody needs to know who is looking.
///
/// A cache line that another core has changed takes 50 nanoseconds to come where they share a cache and 200 where they
/// do not, as long as a small kernel. So threads go through a share several pieces at a time and report them together,
/// remember for themselves what they have found out, and move head_ and tail_ by several dispatches.
///
/// Thread contract: begin() and finish() by one thread at a time, everything else from any thread at any time, with a
/// seat that no other thread uses.
class DispatchWindow {
 public:
  /// `parking` is where threads sleep that this window may have work for.
  DispatchWindow(unsigned seats, Parkings& parking) : parking_(parking), seats_(seats) {}

  /// Takes a list, which must live until it has finished. The one before has.
  void begin(const CommandList& list);
  [[nodiscard]] bool finished();
  /// The outcome of a finished list: the error of its first dispatch that failed. All before that one have run.
  Result<void> finish();

  /// Does some pieces of a dispatch with this seat and its arena; false where there are none now.
  bool step(unsigned seat, WorkerArena& arena);
  [[nodiscard]] bool has_work();
  /// Whether there is a piece that is worth waking a thread for.
  [[nodiscard]] bool has_large_piece();

 private:
  static constexpr std::uint64_t kSlots = 32;  ///< as many as Slot::waits has bits
  static constexpr std::uint64_t kOpenedTogether = 4;
  static constexpr unsigned kPiecesTogether = 32;

  /// Pieces of one share: the dispatch's number, how many there are, and the next one. Alone on its cache line.
  struct alignas(64) Share {
    std::atomic<std::uint64_t> word = 0;
  };
  struct Slot {
    // Written by who opens the dispatch, read by who has claimed a piece of it.
    const Dispatch* dispatch = nullptr;
    const CpuExecutable* executable = nullptr;  ///< nullptr for a copy or a fill, as the kernel
    DispatchCode code;
    Grid grid;
    std::uint64_t shares = 0;
    std::uint64_t chunk = 0;  ///< threadgroups of a piece
    std::uint64_t count = 0;  ///< of pieces
    bool is_timed = false;
    BufferUses uses;
    // What follows is read at any time. "Number" is that of a dispatch, plus 1.
    std::atomic<std::uint32_t> waits = 0;             ///< slots of the dispatches to wait for
    std::atomic<bool> large = false;                  ///< worth waking a thread for
    alignas(64) std::atomic<std::uint64_t> left = 0;  ///< pieces that are not done
    std::atomic<std::uint64_t> nanoseconds = 0;       ///< taken by pieces that are done
    std::atomic<std::uint64_t> completed = 0;         ///< number of the last dispatch that is complete
    std::vector<Share> pieces;                        ///< per seat
  };
  /// What is asked of every dispatch before one that is opened. These lie side by side: who opens is another core each time.
  struct Order {
    BufferMarks marks;
    std::uint32_t before = 0;  ///< slots of dispatches in flight that are complete once this one is ready
  };
  struct Piece {
    std::uint64_t share, index;
  };
  /// What the thread with a seat knows; on cache lines that nobody else looks at.
  struct alignas(128) Seat {
    std::uint64_t first = 0;                         ///< all before are complete
    std::array<std::uint64_t, kSlots> drained = {};  ///< of each slot the number of which no piece is left to claim
  };

  Slot& slot_of(std::uint64_t number) { return slots_[number % kSlots]; }
  bool advance();
  bool open();
  [[nodiscard]] bool can_open() const;
  [[nodiscard]] bool should_open(std::uint64_t first) const;
  void fetch_ahead(std::uint64_t number) const;
  Result<void> open_slot(std::uint64_t number);
  std::uint32_t find_waits(std::uint64_t number);
  Result<double> plan(Slot& slot, const Dispatch& dispatch) const;
  [[nodiscard]] bool is_ready(const Slot& slot, std::uint64_t number) const;
  [[nodiscard]] bool is_near(std::uint64_t first, std::uint64_t number);
  bool wait_for(std::uint64_t number, unsigned seat, WorkerArena& arena);
  [[nodiscard]] bool has_piece(bool large_only);
  [[nodiscard]] static std::optional<Piece> claim_of(Slot& slot, std::uint64_t number, std::uint64_t share);
  [[nodiscard]] std::optional<Piece> claim(Slot& slot, std::uint64_t number, unsigned seat) const;
  void run(Slot& slot, std::uint64_t number, Piece piece, unsigned seat, WorkerArena& arena);
  Result<void> run_groups(Slot& slot, std::uint64_t number, Piece piece, WorkerArena& arena);
  void fail_at(std::uint64_t number, const Error& error);

  Parkings& parking_;
  const unsigned seats_;
  std::vector<Slot> slots_;
  std::array<Order, kSlots> orders_;                 ///< under opening_
  std::vector<Seat> seat_states_;
  std::atomic_flag opening_;                         ///< held by who opens dispatches
  const CommandList* list_ = nullptr;                ///< under opening_, as first_
  std::uint64_t first_ = 0;                          ///< number of the list's first dispatch
  alignas(64) std::atomic<std::uint64_t> head_ = 0;  ///< all before are complete
  std::atomic<std::uint64_t> tail_ = 0;              ///< all before are opened
  std::atomic<std::uint64_t> end_ = 0;               ///< where the list ends
  std::atomic<std::uint64_t> limit_ =
      ~std::uint64_t{0};  ///< the first dispatch that failed: it and later ones do nothing
  std::mutex failure_mutex_;
  std::optional<Error> failure_;
  std::vector<std::vector<trace::Event>> events_;  ///< per seat; empty without a trace
};

}  // namespace anymetal::device::cpu
