#include "device/cuda/launch_queue.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "device/cuda/executor.hpp"

namespace anymetal::device::cuda {

ChainGraph::~ChainGraph() {
  const Context::Scope scope(*context_);
  if (executable_ != nullptr) context_->driver().graph_exec_destroy(executable_);
  if (graph_ != nullptr) context_->driver().graph_destroy(graph_);
}

CUresult ChainGraph::build(std::span<const QueuedNode> nodes, LaunchArguments& arguments) {
  const auto& driver = context_->driver();
  if (const CUresult r = driver.graph_create(&graph_, 0); r != kSuccess) return r;
  for (const auto& node : nodes) {
    const auto parameters = arguments.at(*node.launch, node.piece);
    const auto before = nodes_.empty() ? nullptr : nodes_.back();
    CUgraphNode made = nullptr;
    const CUresult r = driver.graph_add_kernel_node(&made, graph_, &before, before == nullptr ? 0 : 1, &parameters);
    if (r != kSuccess) return r;
    nodes_.push_back(made);
  }
  return driver.graph_instantiate(&executable_, graph_, 0);
}

CUresult ChainGraph::set(std::span<const QueuedNode> nodes, LaunchArguments& arguments) {
  const bool is_new = graph_ == nullptr;
  if (is_new) {
    if (const CUresult r = build(nodes, arguments); r != kSuccess) return r;
  }
  kernels_.resize(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (!is_new) {
      const auto parameters = arguments.at(*nodes[i].launch, nodes[i].piece);
      const CUresult r = context_->driver().graph_exec_set_kernel_node(executable_, nodes_[i], &parameters);
      if (r != kSuccess) return r;
    }
    if (kernels_[i].get() != nodes[i].launch->kernel) kernels_[i] = nodes[i].launch->kernel->shared_from_this();
  }
  return kSuccess;
}

CUresult ChainGraph::launch(CUstream stream) { return context_->driver().graph_launch(executable_, stream); }

void LaunchQueue::clear() {
  for (auto& waiting : waiting_) {
    waiting.dispatches.clear();
    waiting.enough = kChains.back();
  }
}

Result<void> LaunchQueue::add(const CommandList& list, const Dispatch& dispatch, unsigned stream, CUdeviceptr bytes) {
  auto& waiting = waiting_[stream];
  const std::size_t count = waiting.dispatches.size();
  if (waiting.launches.size() == count) waiting.launches.emplace_back();
  if (auto done = prepare_launch(list, dispatch, bytes, waiting.launches[count]); !done) return done;
  waiting.dispatches.push_back(&dispatch);
  if (count + 1 < waiting.enough) return {};
  waiting.enough = std::min(2 * waiting.enough, kChains.front());
  return flush(stream);
}

Result<void> LaunchQueue::flush(unsigned stream) {
  auto& waiting = waiting_[stream];
  if (waiting.dispatches.empty()) return {};
  auto done = start(waiting, context_->streams().handle(stream));
  waiting.dispatches.clear();
  return done;
}

Result<void> LaunchQueue::flush_all() {
  Result<void> outcome;
  for (unsigned stream = 0; stream < kCopyStream; ++stream) {
    auto done = flush(stream);
    if (outcome) outcome = std::move(done);
  }
  return outcome;
}

Result<void> LaunchQueue::start(Waiting& waiting, CUstream stream) {
  nodes_.clear();
  for (std::size_t i = 0; i < waiting.dispatches.size(); ++i) {
    const Launch& launch = waiting.launches[i];
    for (std::size_t piece = 0; piece < launch.pieces.size(); ++piece) nodes_.push_back({&launch, piece});
    if (launch.kernel != nullptr) continue;
    if (auto done = start_kernels(waiting, nodes_, stream); !done) return done;
    nodes_.clear();
    const CUresult r = launch.transfer.start(context_->driver(), stream);
    if (r != kSuccess) return context_->check(r, fmt::format("launching {}", describe_command(*waiting.dispatches[i])));
  }
  return start_kernels(waiting, nodes_, stream);
}

Result<void> LaunchQueue::start_kernels(Waiting& waiting, std::span<const QueuedNode> nodes, CUstream stream) {
  for (std::size_t chain = 0; chain < kChains.size(); ++chain) {
    while (nodes.size() >= kChains[chain]) {
      const auto part = nodes.first(kChains[chain]);
      const auto launched = start_chain(waiting, chain, part, stream);
      if (!launched) return std::unexpected(launched.error());
      if (!*launched) break;
      nodes = nodes.subspan(part.size());
    }
  }
  for (const auto& node : nodes) {
    if (auto done = start_node(node, stream, dispatch_of(waiting, node)); !done) return done;
  }
  return {};
}

Result<bool> LaunchQueue::start_chain(Waiting& waiting, std::size_t chain, std::span<const QueuedNode> nodes,
                                      CUstream stream) {
  auto& graph = waiting.chains[chain];
  if (graph == nullptr) graph = std::make_unique<ChainGraph>(context_);
  const auto doing = [&] {
    return fmt::format("launching {} and those after it", describe_command(dispatch_of(waiting, nodes.front())));
  };
  if (const CUresult r = graph->set(nodes, arguments_); r != kSuccess) {
    graph = nullptr;
    if (is_sticky(r)) return std::unexpected(context_->check(r, doing()).error());
    return false;
  }
  if (const CUresult r = graph->launch(stream); r != kSuccess)
    return std::unexpected(context_->check(r, doing()).error());
  return true;
}

Result<void> LaunchQueue::start_node(const QueuedNode& node, CUstream stream, const Dispatch& dispatch) {
  const auto p = arguments_.at(*node.launch, node.piece);
  const CUresult r =
      context_->driver().launch_kernel(p.function, p.grid[0], p.grid[1], p.grid[2], p.block[0], p.block[1], p.block[2],
                                       p.shared_bytes, stream, p.parameters, nullptr);
  return r == kSuccess ? Result<void>() : context_->check(r, fmt::format("launching {}", describe_command(dispatch)));
}

const Dispatch& LaunchQueue::dispatch_of(const Waiting& waiting, const QueuedNode& node) {
  return *waiting.dispatches[static_cast<std::size_t>(node.launch - waiting.launches.data())];
}

}  // namespace anymetal::device::cuda
