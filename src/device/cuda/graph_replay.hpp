#pragma once
/// \file
/// A command list as a CUDA graph: submitted as a whole, with changed arguments where they changed.

#include "device/cuda/executor.hpp"

#include <map>
#include <memory>
#include <vector>

namespace anymetal::device::cuda {

/// A graph and its executable form. Runs that are under way keep it alive.
class Graph {
 public:
  explicit Graph(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// With the context current.
  Result<void> build(const CommandList& list, const std::vector<Launch>& launches, const Dependencies& dependencies);
  /// The driver's result: what an executable graph can be changed to differs from driver to driver.
  CUresult update(std::size_t dispatch, const Launch& launch);
  [[nodiscard]] CUgraphExec executable() const { return executable_; }

 private:
  std::shared_ptr<Context> context_;
  CUgraph graph_ = nullptr;
  CUgraphExec executable_ = nullptr;
  std::vector<std::vector<CUgraphNode>> nodes_;  ///< per dispatch, Launch::node_count()
  LaunchArguments arguments_;

  CUresult add_node(const Launch& launch, std::size_t index, const std::vector<CUgraphNode>& before, CUgraphNode& made);
  CUresult set_node(const Launch& launch, std::size_t index, CUgraphNode node);
  /// Whether it may start before kernels that it follows are complete.
  [[nodiscard]] bool starts_early(const Launch& launch) const;
  CUresult add_early_node(const Launch& launch, std::size_t index, const std::vector<CUgraphNode>& before, CUgraphNode& made);
};

/// Thread contract: as device::Replay.
class GraphReplay final : public Replay {
 public:
  explicit GraphReplay(Executor& executor) : executor_(executor), context_(executor.context()) {}

  Result<void> set_bytes(std::size_t dispatch, std::size_t argument, std::span<const std::byte> bytes) override;
  Result<void> replace(CommandList list) override;
  [[nodiscard]] const CommandList& list() const override { return *list_; }
  Result<std::shared_ptr<Work>> submit() override;
  /// Of the list: what it keeps alive lives as long as the runs under way. Another one must follow before the next run.
  void let_go() { list_ = nullptr; }

 private:
  [[nodiscard]] Result<std::shared_ptr<DeviceMemory>> room_for_bytes(const CommandList& list) const;
  void collect_memories();
  Result<void> bring_up_to_date();
  Result<void> launch(Submission& work);

  Executor& executor_;
  std::shared_ptr<Context> context_;
  std::shared_ptr<CommandList> list_;
  std::vector<Launch> launches_;           ///< per dispatch
  std::vector<std::uint8_t> changed_;      ///< per dispatch: differs from what the graph has
  Dependencies dependencies_;
  std::map<const DeviceMemory*, Access> memories_;
  std::shared_ptr<DeviceMemory> bytes_;    ///< set_bytes data that kernels take by address
  bool bytes_changed_ = false;
  std::shared_ptr<Graph> graph_;           ///< none before the first run, or where another one is needed
  std::vector<Launch> next_launches_;      ///< kept for their memory
  Dependencies next_dependencies_;
};

}  // namespace anymetal::device::cuda
