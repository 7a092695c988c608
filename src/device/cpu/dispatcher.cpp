#include "device/cpu/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "device/cpu/dispatch_window.hpp"
#include "device/cpu/list_order.hpp"
#include "device/cpu/short_list.hpp"
#include "device/cpu/worker_pool.hpp"
#include "observe/trace.hpp"

namespace anymetal::device::cpu {

/// A thread that hands a list in takes a seat, runs the list in the window of that seat's number and works along, or
/// runs it alone where there is nobody to share it with or it is short. Workers look for pieces in all windows.
struct Dispatcher::Impl {
  explicit Impl(unsigned threads)
      : arenas(std::max(1u, threads)),
        pool(threads, parking,
             {[this](unsigned seat) { return step(seat); }, [this] { return any(&DispatchWindow::has_large_piece); },
              [this] { return any(&DispatchWindow::has_work); }}) {}

  bool step(unsigned seat) {
    for (std::size_t i = 0; i < windows.size(); ++i) {
      auto& window = *windows[(seat + i) % windows.size()];
      if (window.step(seat, arenas[seat])) return true;
    }
    return false;
  }
  bool any(bool (DispatchWindow::*has)()) {
    return std::ranges::any_of(windows, [&](const auto& window) { return (window.get()->*has)(); });
  }

  Parkings parking;
  ListOrder order;
  std::vector<WorkerArena> arenas;
  std::vector<std::unique_ptr<DispatchWindow>> windows = make_windows();
  WorkerPool pool;  // last: its threads use the others

 private:
  std::vector<std::unique_ptr<DispatchWindow>> make_windows() {
    std::vector<std::unique_ptr<DispatchWindow>> made;
    for (std::size_t i = 0; i < arenas.size(); ++i)
      made.push_back(std::make_unique<DispatchWindow>(static_cast<unsigned>(arenas.size()), parking));
    return made;
  }
};

namespace {

/// A seat of the pool, left whatever comes of the list.
struct Seat {
  explicit Seat(WorkerPool& of) : pool(of), number(of.take_seat()) {}
  ~Seat() { pool.leave_seat(number); }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  WorkerPool& pool;
  const unsigned number;
};

}  // namespace

Dispatcher::Dispatcher(unsigned threads) : impl_([threads] { return std::make_unique<Impl>(threads); }) {}
Dispatcher::~Dispatcher() = default;

Result<void> Dispatcher::execute(const CommandList& list) {
  if (list.dispatches.empty()) return {};
  Impl& impl = *impl_;
  const ListOrder::Place place(impl.order, list);
  const Seat seat(impl.pool);
  if (impl.arenas.size() == 1 || is_short(list)) return run_in_order(list, impl.arenas[seat.number]);
  auto& window = *impl.windows[seat.number];
  {
    const trace::Span span("list", trace::enabled() ? fmt::format("{} dispatches", list.dispatches.size()) : "");
    window.begin(list);
    impl.pool.work_until(seat.number, [&] { return window.finished(); });
  }
  return window.finish();
}

}  // namespace anymetal::device::cpu
