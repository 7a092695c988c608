#pragma once
/// \file
/// Launches on their way to a stream: several of them as one graph, which takes half the host's time of as many
/// launches.

#include <array>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "device/cuda/context.hpp"
#include "device/cuda/hazards.hpp"
#include "device/cuda/launch.hpp"

namespace anymetal::device::cuda {

/// One hardware launch of a kernel.
struct QueuedNode {
  const Launch* launch = nullptr;
  std::size_t piece = 0;
};

/// An executable graph of kernels one after the other, each of which is set anew for every launch. Launches that are
/// under way keep what they were given.
class ChainGraph {
 public:
  explicit ChainGraph(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  ~ChainGraph();
  ChainGraph(const ChainGraph&) = delete;
  ChainGraph& operator=(const ChainGraph&) = delete;

  /// As many nodes each time. The driver's result; after a failure the graph is of no further use.
  CUresult set(std::span<const QueuedNode> nodes, LaunchArguments& arguments);
  CUresult launch(CUstream stream);

 private:
  CUresult build(std::span<const QueuedNode> nodes, LaunchArguments& arguments);

  std::shared_ptr<Context> context_;
  CUgraph graph_ = nullptr;
  CUgraphExec executable_ = nullptr;
  std::vector<CUgraphNode> nodes_;
  std::vector<std::shared_ptr<const Kernel>> kernels_;  ///< per node: what it runs must stay loaded
};

/// What dispatches of a list launch, kept per stream until there is enough for a graph or the stream must be up to
/// date. Thread contract: under the context's submit mutex, with the context current; a failure empties nothing:
/// `clear` does.
class LaunchQueue {
 public:
  explicit LaunchQueue(std::shared_ptr<Context> context) : context_(std::move(context)) {}

  /// Begins a list: what waits first is little, so that the GPU starts soon.
  void clear();
  /// Adds a dispatch. What it needs lives until the stream is flushed.
  Result<void> add(const CommandList& list, const Dispatch& dispatch, unsigned stream, CUdeviceptr bytes);
  /// Puts all that waits for `stream` on it.
  Result<void> flush(unsigned stream);
  Result<void> flush_all();

 private:
  static constexpr std::array<std::size_t, 3> kChains{32, 16, 8};  ///< lengths of graphs; less is launched one by one
  struct Waiting {
    std::vector<Launch> launches;  ///< reused for their memory
    std::vector<const Dispatch*> dispatches;
    std::size_t enough = kChains.back();
    std::array<std::unique_ptr<ChainGraph>, kChains.size()> chains;
  };
  Result<void> start(Waiting& waiting, CUstream stream);
  Result<void> start_kernels(Waiting& waiting, std::span<const QueuedNode> nodes, CUstream stream);
  /// Whether the nodes were launched as a graph; where the driver does not take one, nothing was.
  Result<bool> start_chain(Waiting& waiting, std::size_t chain, std::span<const QueuedNode> nodes, CUstream stream);
  Result<void> start_node(const QueuedNode& node, CUstream stream, const Dispatch& dispatch);
  [[nodiscard]] static const Dispatch& dispatch_of(const Waiting& waiting, const QueuedNode& node);

  std::shared_ptr<Context> context_;
  std::array<Waiting, kCopyStream> waiting_;
  LaunchArguments arguments_;
  std::vector<QueuedNode> nodes_;
};

}  // namespace anymetal::device::cuda
