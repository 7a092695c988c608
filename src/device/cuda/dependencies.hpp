#pragma once
/// \file
/// Which dispatches of a command list must wait for which: those that touch the same memory, one of them writing.

#include "device/backend.hpp"

#include <cstddef>
#include <span>
#include <unordered_map>
#include <vector>

namespace anymetal::device::cuda {

/// Per dispatch of a list, the dispatches it comes directly after, in rising order. Reused from list to list for its memory.
/// Thread contract: one thread at a time.
class Dependencies {
 public:
  void find(const CommandList& list);
  [[nodiscard]] std::span<const std::size_t> of(std::size_t dispatch) const {
    return std::span(edges_).subspan(first_[dispatch], first_[dispatch + 1] - first_[dispatch]);
  }
  friend bool operator==(const Dependencies& a, const Dependencies& b) { return a.first_ == b.first_ && a.edges_ == b.edges_; }

 private:
  struct Uses {
    std::size_t writer = 0;            ///< dispatch + 1; 0 for none
    std::vector<std::size_t> readers;  ///< since then
  };
  std::vector<std::size_t> first_;
  std::vector<std::size_t> edges_;
  std::unordered_map<const Memory*, Uses> uses_;
};

/// How a list runs on streams of its own, numbered from 0.
struct StreamPlan {
  std::vector<unsigned> stream;           ///< per dispatch
  std::vector<std::uint8_t> checkpoint;   ///< per dispatch: whether one on another stream waits for it
  unsigned streams = 0;                   ///< how many are used
};

/// Chains stay on their stream; what could run beside them gets another one while there are some.
void plan_streams(const Dependencies& dependencies, std::size_t dispatches, unsigned most_streams, StreamPlan& plan);

}  // namespace anymetal::device::cuda
