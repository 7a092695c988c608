#pragma once
/// \file
/// Long command lists whose kernels run again and again in the same order: as graphs, which cost the host a fraction of as many
/// launches.

#include "device/cuda/graph_replay.hpp"

#include <list>
#include <memory>
#include <mutex>
#include <vector>

namespace anymetal::device::cuda {

/// Thread contract: safe from any thread.
class RepeatedLists {
 public:
  explicit RepeatedLists(Executor& executor) : executor_(executor) {}

  /// Starts the list as a graph if its kernels ran in this order lately. Null where they did not; the list is known from now on.
  Result<std::shared_ptr<Work>> submit(const CommandList& list);

 private:
  struct Entry {
    std::vector<std::uint64_t> kernels;    ///< per dispatch; copies and fills have numbers, too
    std::unique_ptr<GraphReplay> replay;  ///< from the second time on
  };
  Executor& executor_;
  std::mutex mutex_;
  std::list<Entry> entries_;  ///< the latest first
};

}  // namespace anymetal::device::cuda
