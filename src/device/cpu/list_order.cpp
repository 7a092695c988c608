#include "device/cpu/list_order.hpp"

#include <algorithm>

namespace anymetal::device::cpu {

ListOrder::Place::Place(ListOrder& order, const CommandList& list) : order_(order), list_(list) {
  std::unique_lock lock(order_.mutex_);
  try {
    for (Place* earlier : order_.places_) {
      if (!conflicts_with(*earlier)) continue;
      earlier->before_.push_back(this);
      ++waits_for_;
    }
    order_.places_.push_back(this);
  } catch (...) {  // no memory: no place, of which others must not speak
    for (Place* earlier : order_.places_) std::erase(earlier->before_, this);
    throw;
  }
  order_.left_.wait(lock, [this] { return waits_for_ == 0; });
}

ListOrder::Place::~Place() {
  const std::scoped_lock lock(order_.mutex_);
  std::erase(order_.places_, this);
  for (Place* later : before_) --later->waits_for_;
  if (!before_.empty()) order_.left_.notify_all();
}

const ListOrder::Place::Uses& ListOrder::Place::uses() {
  if (uses_) return *uses_;
  auto uses = std::make_unique<Uses>();
  for (const auto& dispatch : list_.dispatches) {
    for (std::size_t i = 0; i < dispatch.argument_count; ++i) {
      const auto& bound = list_.arguments[dispatch.first_argument + i];
      if (bound.kind == BoundArgument::Kind::Buffer) (*uses)[bound.memory] |= dispatch.access(i) != Access::Read;
    }
  }
  uses_ = std::move(uses);
  return *uses_;
}

bool ListOrder::Place::conflicts_with(Place& other) {
  const auto& theirs = other.uses();
  return std::ranges::any_of(uses(), [&](const auto& use) {
    const auto same = theirs.find(use.first);
    return same != theirs.end() && (use.second || same->second);
  });
}

}  // namespace anymetal::device::cpu
