#include "device/cpu/dispatch_window.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <span>
#include <thread>

#include "device/cpu/group_scheduler.hpp"
#include "device/cpu/transfer.hpp"

namespace anymetal::device::cpu {
namespace {

using Clock = std::chrono::steady_clock;

/// Pieces of a share: enough for the threads to end together, few enough to cost nothing. More where a piece would take
/// long, since threads end apart by up to one piece.
constexpr double kLongNanoseconds = 5'000;
constexpr std::uint64_t kFewestPieces = 8;
constexpr std::uint64_t kMostPieces = 512;

std::uint64_t pieces_of_share(double expected_nanoseconds, unsigned seats) {
  const auto wanted = expected_nanoseconds / (kLongNanoseconds * seats);
  return wanted > static_cast<double>(kMostPieces) ? kMostPieces
                                                   : std::max(kFewestPieces, static_cast<std::uint64_t>(wanted));
}

// Share::word: 40 bits of the dispatch's number, 12 each for the number of pieces and the next one.
constexpr unsigned kFieldBits = 12;
constexpr std::uint64_t kField = (std::uint64_t{1} << kFieldBits) - 1;
static_assert(2 * kMostPieces + 1 < kField);

std::uint64_t tag_of(std::uint64_t number) { return (number + 1) << (2 * kFieldBits); }

/// Whether a share's word says that pieces of dispatch `number` are left to claim.
bool has_pieces(std::uint64_t word, std::uint64_t number) {
  return (word >> (2 * kFieldBits)) == (tag_of(number) >> (2 * kFieldBits)) &&
         (word & kField) < ((word >> kFieldBits) & kField);
}

/// Where a share begins when `count` items are divided evenly.
std::uint64_t share_begin(std::uint64_t count, std::uint64_t shares, std::uint64_t share) {
  return count / shares * share + std::min(share, count % shares);
}

}  // namespace

void DispatchWindow::begin(const CommandList& list) {
  while (opening_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
  const struct Opening {
    std::atomic_flag& flag;
    ~Opening() { flag.clear(std::memory_order_release); }
  } opening{opening_};
  if (slots_.empty()) {
    std::vector<Slot> slots(kSlots);
    for (auto& slot : slots) slot.pieces = std::vector<Share>(seats_);
    seat_states_ = std::vector<Seat>(seats_);
    slots_ = std::move(slots);
  }
  if (trace::enabled()) events_.resize(seats_);
  list_ = &list;
  first_ = tail_.load();
  limit_.store(~std::uint64_t{0});
  end_.store(first_ + list.dispatches.size());
}

bool DispatchWindow::finished() {
  const auto end = end_.load();
  if (tail_.load() < end) return false;
  for (auto number = head_.load(); number < end; ++number)
    if (slot_of(number).completed.load() <= number) return false;
  advance();
  return head_.load() == end_.load();
}

Result<void> DispatchWindow::finish() {
  for (auto& events : events_) {
    trace::write(events);
    events.clear();
  }
  const std::scoped_lock lock(failure_mutex_);
  if (!failure_) return {};
  Result<void> failed = std::unexpected(*std::move(failure_));
  failure_.reset();
  return failed;
}

/// Moves head_ past complete dispatches; false where it stands still.
bool DispatchWindow::advance() {
  const auto tail = tail_.load();
  auto head = head_.load();
  bool moved = false;
  while (head < tail && slot_of(head).completed.load() > head) {
    if (!head_.compare_exchange_weak(head, head + 1)) continue;
    moved = true;
    if (++head == end_.load()) parking_.hosts.wake();
  }
  return moved;
}

bool DispatchWindow::can_open() const {
  const auto tail = tail_.load();
  return tail < end_.load() && tail - head_.load() < kSlots;
}

/// Whether enough may be opened, where all before `first` are complete.
bool DispatchWindow::should_open(std::uint64_t first) const {
  const auto tail = tail_.load(), end = end_.load();
  return tail < end && tail - first + std::min(kOpenedTogether, end - tail) <= kSlots;
}

bool DispatchWindow::open() {
  advance();
  if (!can_open() || opening_.test_and_set(std::memory_order_acquire)) return false;
  bool opened = false;
  std::uint64_t large_pieces = 0;
  if (can_open()) fetch_ahead(tail_.load());  // else the list may have ended meanwhile, and be gone
  for (std::uint64_t some = 0; some < kOpenedTogether && can_open(); ++some) {
    const auto number = tail_.load();
    auto done = limit_.load() < number ? Result<void>() : open_slot(number);
    if (!done) fail_at(number, done.error());
    opened = true;
    if (limit_.load() <= number) {  // the list ends here
      end_.store(number);
      if (head_.load() == number) parking_.hosts.wake();
      break;
    }
    const auto& slot = slot_of(number);
    if (slot.large.load(std::memory_order_relaxed)) large_pieces += slot.left.load(std::memory_order_relaxed);
    tail_.store(number + 1);
  }
  opening_.clear(std::memory_order_release);
  if (large_pieces > 1) parking_.wake();  // one is this thread's own
  return opened;
}

/// Says what runs and in how many groups. What one core is expected to take, in nanoseconds; 0 where nothing is known
/// yet.
Result<double> DispatchWindow::plan(Slot& slot, const Dispatch& dispatch) const {
  slot.dispatch = &dispatch;
  if (is_transfer(dispatch)) {
    slot.executable = nullptr;
    slot.grid = {{}, transfer_pieces(*list_, dispatch)};
    return expected_transfer_nanoseconds(*list_, dispatch);
  }
  const auto& executable = static_cast<const CpuExecutable&>(*dispatch.executable);
  const auto grid = plan_grid(dispatch);
  if (!grid) return std::unexpected(grid.error());
  const auto code = executable.code(*list_, dispatch);
  if (!code) return std::unexpected(code.error());
  slot.executable = &executable;
  slot.code = *code;
  slot.grid = *grid;
  return executable.expected_nanoseconds(threads_of(dispatch));
}

/// Asks for the memory of those that are opened together, which the host wrote a step of the model ago: all at once,
/// where each would wait for its own.
void DispatchWindow::fetch_ahead(std::uint64_t number) const {
  constexpr std::size_t kLine = 64;
  const auto fetch = [](const auto* data, std::size_t count) {
    const auto* bytes = reinterpret_cast<const std::byte*>(data);
    for (std::size_t at = 0; at < count * sizeof(*data); at += kLine) __builtin_prefetch(bytes + at);
  };
  const auto dispatches = std::span(list_->dispatches).subspan(number - first_);
  const auto some = dispatches.first(std::min<std::size_t>(kOpenedTogether, dispatches.size()));
  fetch(some.data(), some.size());
  for (const auto& dispatch : some) fetch(list_->arguments.data() + dispatch.first_argument, dispatch.argument_count);
}

/// The slots of the dispatches that `number` has to wait for, without those that one of them waits for itself.
std::uint32_t DispatchWindow::find_waits(std::uint64_t number) {
  auto& slot = slot_of(number);
  const auto own = 1u << (number % kSlots);
  for (auto& other : orders_) other.before &= ~own;  // that of the dispatch that had the slot: complete
  auto& order = orders_[number % kSlots];
  order.marks = slot.uses.set(*list_, *slot.dispatch);
  std::uint32_t waits = 0, implied = 0;
  for (auto before = number; before-- > head_.load(std::memory_order_relaxed);) {
    const auto& earlier = orders_[before % kSlots];
    const auto bit = 1u << (before % kSlots);
    if ((implied & bit) != 0 || !order.marks.may_conflict_with(earlier.marks)) continue;
    const auto& other = slot_of(before);
    if (other.completed.load() > before || !slot.uses.conflict_with(other.uses)) continue;
    waits |= bit;
    implied |= earlier.before;
  }
  order.before = waits | implied;
  return waits;
}

/// Plans a dispatch and finds out what it has to wait for.
Result<void> DispatchWindow::open_slot(std::uint64_t number) {
  auto& slot = slot_of(number);
  const auto planned = plan(slot, list_->dispatches[number - first_]);
  if (!planned) return std::unexpected(planned.error());
  const auto waits = find_waits(number);
  const auto expected = *planned;
  const bool small = is_small(expected);
  const auto count = slot.grid.count;
  slot.shares = small ? std::min<std::uint64_t>(1, count) : std::min<std::uint64_t>(seats_, count);
  slot.chunk = small ? count : std::max<std::uint64_t>(1, count / (seats_ * pieces_of_share(expected, seats_)));
  std::uint64_t left = 0;
  for (std::uint64_t share = 0; share < seats_; ++share) {
    const auto length =
        share < slot.shares ? share_begin(count, slot.shares, share + 1) - share_begin(count, slot.shares, share) : 0;
    const auto pieces = length == 0 ? 0 : (length + slot.chunk - 1) / slot.chunk;
    left += pieces;
    slot.pieces[share].word.store(tag_of(number) | (pieces << kFieldBits), std::memory_order_release);
  }
  slot.waits.store(waits, std::memory_order_relaxed);
  slot.large.store(!small, std::memory_order_relaxed);
  slot.is_timed = !small || trace::enabled() || (slot.executable != nullptr && slot.executable->is_due_for_timing());
  slot.nanoseconds.store(0, std::memory_order_relaxed);
  slot.count = left;
  slot.left.store(left, std::memory_order_relaxed);
  if (left == 0) slot.completed.store(number + 1);
  return {};
}

bool DispatchWindow::is_ready(const Slot& slot, std::uint64_t number) const {
  // The highest bit is that of the dispatch before this one, which is the likeliest to be incomplete.
  auto waits = std::rotr(slot.waits.load(std::memory_order_relaxed), static_cast<int>(number % kSlots));
  while (waits != 0) {
    const auto back = static_cast<std::uint64_t>(std::countl_zero(waits));
    const auto before = number - 1 - back;
    if (slots_[before % kSlots].completed.load() <= before) return false;
    waits &= ~(1u << (kSlots - 1 - back));
  }
  return true;
}

std::optional<DispatchWindow::Piece> DispatchWindow::claim_of(Slot& slot, std::uint64_t number, std::uint64_t share) {
  auto& word = slot.pieces[share].word;
  auto seen = word.load(std::memory_order_relaxed);
  while (has_pieces(seen, number))
    if (word.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel, std::memory_order_relaxed))
      return Piece{share, seen & kField};
  return std::nullopt;
}

std::optional<DispatchWindow::Piece> DispatchWindow::claim(Slot& slot, std::uint64_t number, unsigned seat) const {
  for (unsigned i = 0; i < seats_; ++i)
    if (const auto piece = claim_of(slot, number, (seat + i) % seats_)) return piece;
  return std::nullopt;
}

bool DispatchWindow::step(unsigned seat, WorkerArena& arena) {
  const auto tail = tail_.load();
  if (tail == 0) return open();
  auto& mine = seat_states_[seat];
  mine.first = std::max(mine.first, head_.load());
  while (mine.first < tail && slot_of(mine.first).completed.load() > mine.first) ++mine.first;
  std::optional<std::uint64_t> ahead;  // the first large dispatch that is not ready
  for (auto number = mine.first; number < tail; ++number) {
    auto& slot = slot_of(number);
    auto& drained = mine.drained[number % kSlots];
    if (drained > number) continue;
    if (!is_ready(slot, number)) {
      if (!ahead && slot.large.load(std::memory_order_relaxed)) ahead = number;
      continue;
    }
    if (const auto piece = claim(slot, number, seat)) {
      if (parking_.has_sleepers() && has_large_piece()) parking_.wake();
      run(slot, number, *piece, seat, arena);
      return true;
    }
    drained = number + 1;
  }
  if (mine.first == end_.load()) return advance();
  if (should_open(mine.first) && open()) return true;
  return ahead && is_near(mine.first, *ahead) && wait_for(*ahead, seat, arena);
}

/// Whether all dispatches from `first` on that a dispatch may wait for are small and run already.
bool DispatchWindow::is_near(std::uint64_t first, std::uint64_t number) {
  for (; first < number; ++first) {
    auto& slot = slot_of(first);
    if (slot.completed.load() > first) continue;
    if (slot.large.load(std::memory_order_relaxed) || has_pieces(slot.pieces[0].word.load(), first)) return false;
  }
  return true;
}

/// Takes a piece of this seat's share before the dispatch is ready, fetches what running it needs from the other cores,
/// and runs it as soon as it is. What it waits for is_near(), so other threads are at it: none waits for this one.
bool DispatchWindow::wait_for(std::uint64_t number, unsigned seat, WorkerArena& arena) {
  auto& slot = slot_of(number);
  const auto piece = claim_of(slot, number, seat);
  if (!piece) return false;
  // A failure comes again where the piece is run, and is reported there.
  if (slot.executable != nullptr)
    (void)arena.prepare(*list_, *slot.dispatch, slot.code, slot.grid.groups, {this, number});
  for (Idle idle; !is_ready(slot, number);)
    if (idle.is_long()) std::this_thread::yield();
  run(slot, number, *piece, seat, arena);
  return true;
}

bool DispatchWindow::has_work() {
  advance();
  return should_open(head_.load()) || has_piece(/*large_only=*/false);
}

bool DispatchWindow::has_large_piece() { return has_piece(/*large_only=*/true); }

bool DispatchWindow::has_piece(bool large_only) {
  const auto tail = tail_.load();
  for (auto number = head_.load(); number < tail; ++number) {
    auto& slot = slot_of(number);
    if ((large_only && !slot.large.load(std::memory_order_relaxed)) || !is_ready(slot, number)) continue;
    for (const auto& share : slot.pieces)
      if (has_pieces(share.word.load(), number)) return true;
  }
  return false;
}

/// Runs a piece that was claimed and others of its share.
void DispatchWindow::run(Slot& slot, std::uint64_t number, Piece piece, unsigned seat, WorkerArena& arena) {
  const auto start = slot.is_timed ? Clock::now() : Clock::time_point();
  std::uint64_t pieces = 0;
  for (std::optional<Piece> next = piece; next;
       next = pieces < kPiecesTogether ? claim_of(slot, number, piece.share) : std::nullopt) {
    ++pieces;
    if (number >= limit_.load(std::memory_order_relaxed)) continue;
    if (auto done = run_groups(slot, number, *next, arena); !done)
      fail_at(number, done.error().with_key(std::string(slot.dispatch->label)));
  }
  const auto end = slot.is_timed ? Clock::now() : start;
  if (!events_.empty()) {
    auto& events = events_[seat];
    if (!events.empty() && events.back().detail.data() == slot.dispatch->label.data() &&
        events.back().number == number) {
      events.back().end = end;
    } else {
      events.push_back({"dispatch", slot.dispatch->label, start, end, trace::this_thread(), number});
    }
  }
  auto taken = static_cast<std::uint64_t>(std::chrono::nanoseconds(end - start).count());
  if (pieces != slot.count) {  // else no other thread has one
    if (slot.is_timed) slot.nanoseconds.fetch_add(taken, std::memory_order_relaxed);
    if (slot.left.fetch_sub(pieces, std::memory_order_acq_rel) != pieces) return;
    if (slot.is_timed) taken = slot.nanoseconds.load(std::memory_order_relaxed);
  }
  if (slot.is_timed && slot.executable != nullptr)
    slot.executable->record_time(threads_of(*slot.dispatch), static_cast<double>(taken));
  slot.completed.store(number + 1);
}

Result<void> DispatchWindow::run_groups(Slot& slot, std::uint64_t number, Piece piece, WorkerArena& arena) {
  const auto& dispatch = *slot.dispatch;
  const auto first = share_begin(slot.grid.count, slot.shares, piece.share) + piece.index * slot.chunk;
  const auto last = std::min(first + slot.chunk, share_begin(slot.grid.count, slot.shares, piece.share + 1));
  if (slot.executable == nullptr) {
    run_transfer(*list_, dispatch, first, last);
    return {};
  }
  if (!arena.is_prepared_for({this, number})) {
    if (auto ready = arena.prepare(*list_, dispatch, slot.code, slot.grid.groups, {this, number}); !ready) return ready;
  }
  arena.context().is_alone = slot.count == 1 ? 1 : 0;
  if (run_threadgroups(slot.code, arena.context(), first, last)) return {};
  return stuck_at_barriers(dispatch.label);
}

void DispatchWindow::fail_at(std::uint64_t number, const Error& error) {
  const std::scoped_lock lock(failure_mutex_);
  if (number >= limit_.load()) return;
  limit_.store(number);
  failure_ = error;
}

}  // namespace anymetal::device::cpu
