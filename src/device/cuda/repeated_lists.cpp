#include "device/cuda/repeated_lists.hpp"

#include "device/cuda/kernel.hpp"

#include <algorithm>

namespace anymetal::device::cuda {

namespace {

constexpr std::size_t kFewestDispatches = 32;  // a shorter list gains little
constexpr std::size_t kMostDispatches = 4096;
constexpr std::size_t kKept = 4;

/// What decides about the graph of a list: which kernel, or which kind of transfer.
std::uint64_t number_of(const Dispatch& dispatch) {
  constexpr std::uint64_t kCopy = ~std::uint64_t{0};
  switch (dispatch.kind) {
    case Dispatch::Kind::Kernel: return static_cast<const Kernel&>(*dispatch.executable).number();
    case Dispatch::Kind::Copy: return kCopy;
    case Dispatch::Kind::Fill: return kCopy - 1;
  }
  return 0;
}

}  // namespace

Result<std::shared_ptr<Work>> RepeatedLists::submit(const CommandList& list) {
  if (list.dispatches.size() < kFewestDispatches || list.dispatches.size() > kMostDispatches) return nullptr;
  std::vector<std::uint64_t> kernels;
  kernels.reserve(list.dispatches.size());
  for (const auto& dispatch : list.dispatches) kernels.push_back(number_of(dispatch));

  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find(entries_, kernels, &Entry::kernels);
  if (known == entries_.end()) {
    entries_.push_front({std::move(kernels), nullptr});
    if (entries_.size() > kKept) entries_.pop_back();
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, known);
  auto& replay = entries_.front().replay;
  if (replay == nullptr) replay = std::make_unique<GraphReplay>(executor_);
  if (auto done = replay->replace(list); !done) return std::unexpected(done.error());
  auto work = replay->submit();
  replay->let_go();
  return work;
}

}  // namespace anymetal::device::cuda
