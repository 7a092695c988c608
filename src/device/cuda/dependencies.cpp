#include "device/cuda/dependencies.hpp"

#include <algorithm>

namespace anymetal::device::cuda {

void Dependencies::find(const CommandList& list) {
  first_.assign(1, 0);
  edges_.clear();
  uses_.clear();
  for (std::size_t d = 0; d < list.dispatches.size(); ++d) {
    const auto& dispatch = list.dispatches[d];
    const auto own = static_cast<std::ptrdiff_t>(edges_.size());
    for (std::size_t i = 0; i < dispatch.argument_count; ++i) {
      const auto& argument = list.arguments[dispatch.first_argument + i];
      if (argument.kind != BoundArgument::Kind::Buffer) continue;
      auto& uses = uses_[argument.memory];
      const bool writes = dispatch.access(i) != Access::Read;
      if (writes && !uses.readers.empty()) {
        edges_.insert(edges_.end(), uses.readers.begin(), uses.readers.end());
      } else if (uses.writer != 0) {
        edges_.push_back(uses.writer - 1);
      }
      if (writes) {
        uses.writer = d + 1;
        uses.readers.clear();
      } else {
        uses.readers.push_back(d);
      }
    }
    // A dispatch that binds one memory twice is no predecessor of itself.
    edges_.erase(std::remove(edges_.begin() + own, edges_.end(), d), edges_.end());
    std::sort(edges_.begin() + own, edges_.end());
    edges_.erase(std::unique(edges_.begin() + own, edges_.end()), edges_.end());
    first_.push_back(edges_.size());
  }
}

void plan_streams(const Dependencies& dependencies, std::size_t dispatches, unsigned most_streams, StreamPlan& plan) {
  plan.stream.assign(dispatches, 0);
  plan.checkpoint.assign(dispatches, 0);
  plan.streams = 0;
  std::vector<std::size_t> tail;  // per stream: its last dispatch
  for (std::size_t d = 0; d < dispatches; ++d) {
    const auto before = dependencies.of(d);
    // The latest predecessor that nothing follows yet: going on there costs nothing.
    auto chosen = tail.end();
    for (auto p = before.rbegin(); p != before.rend() && chosen == tail.end(); ++p) {
      chosen = std::find(tail.begin(), tail.end(), *p);
    }
    if (chosen == tail.end()) {
      if (tail.size() < most_streams) {
        tail.push_back(d);
        chosen = tail.end() - 1;
      } else {
        chosen = std::min_element(tail.begin(), tail.end());
      }
    }
    *chosen = d;
    plan.stream[d] = static_cast<unsigned>(chosen - tail.begin());
    for (const std::size_t p : before) {
      if (plan.stream[p] != plan.stream[d]) plan.checkpoint[p] = 1;
    }
  }
  plan.streams = static_cast<unsigned>(tail.size());
}

}  // namespace anymetal::device::cuda
