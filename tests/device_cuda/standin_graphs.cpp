// Graphs of the stand-in driver: copies and fills take place when one is launched, kernels are counted.

#include <algorithm>
#include <cstring>

#include "standin_state.hpp"

using namespace anymetal::device::cuda;
using namespace anymetal::test;
using namespace anymetal::test::standin;

namespace anymetal::test::standin {

struct GraphNode {
  CUfunction function = nullptr;  // a kernel, unless one of the others has a length
  StandinLaunch launch{};
  CopyNodeParams copy{};
  FillNodeParams fill{};
  std::vector<const GraphNode*> before{};
};

struct Graph {
  std::vector<GraphNode*> nodes;

  [[nodiscard]] bool has(const void* node) const { return std::find(nodes.begin(), nodes.end(), node) != nodes.end(); }
  // Kernels, each after the one before and nothing else.
  [[nodiscard]] bool is_chain() const {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const auto& before = nodes[i]->before;
      if (nodes[i]->function == nullptr || (i == 0 ? !before.empty() : before.size() != 1 || before[0] != nodes[i - 1])) return false;
    }
    return true;
  }
};

}  // namespace anymetal::test::standin

// As a node brings them.
static StandinLaunch launch_of(const KernelNodeParams& p) {
  return launch_of(p.grid[0], p.grid[1], p.grid[2], p.block[0], p.block[1], p.block[2], p.shared_bytes, p.parameters);
}

STANDIN(cuGraphCreate, CUgraph* graph, unsigned) {
  STEP("cuGraphCreate");
  auto* made = new Graph;
  *graph = reinterpret_cast<CUgraph>(made);
  const std::lock_guard lock(state().mutex);
  state().graphs.insert(made);
  ++state().counts.graphs;
  return 0;
}
// Adds a node that comes after `before`, all of them nodes of the same graph.
static CUresult add_node(CUgraph graph, const CUgraphNode* before, std::size_t count, const GraphNode& node, CUgraphNode* made) {
  auto* owner = reinterpret_cast<Graph*>(graph);
  if (!std::all_of(before, before + count, [&](CUgraphNode known) { return owner->has(known); })) return 1;
  auto* added = new GraphNode(node);
  for (std::size_t i = 0; i < count; ++i) added->before.push_back(reinterpret_cast<GraphNode*>(before[i]));
  owner->nodes.push_back(added);
  *made = reinterpret_cast<CUgraphNode>(added);
  return 0;
}
// Kernels that may start early after kernels: all that such edges are used for.
STANDIN(cuGraphAddDependencies_v2, CUgraph graph, const CUgraphNode* from, const CUgraphNode* to, const EdgeData* edges, std::size_t count) {
  STEP("cuGraphAddDependencies_v2");
  auto* owner = reinterpret_cast<Graph*>(graph);
  for (std::size_t i = 0; i < count; ++i) {
    auto* first = reinterpret_cast<GraphNode*>(from[i]);
    auto* second = reinterpret_cast<GraphNode*>(to[i]);
    if (!owner->has(first) || !owner->has(second) || edges[i].from_port != 1 || edges[i].to_port != 0 || edges[i].type != 1) return 1;
    if (first->function == nullptr || second->function == nullptr) return 1;
    second->before.push_back(first);
  }
  const std::lock_guard lock(state().mutex);
  state().counts.early_edges += count;
  return 0;
}
STANDIN(cuGraphAddKernelNode, CUgraphNode* node, CUgraph graph, const CUgraphNode* before, std::size_t count,
        const KernelNodeParams* parameters) {
  STEP("cuGraphAddKernelNode");
  return add_node(graph, before, count, {parameters->function, launch_of(*parameters), {}, {}, {}}, node);
}
STANDIN(cuGraphAddMemcpyNode, CUgraphNode* node, CUgraph graph, const CUgraphNode* before, std::size_t count,
        const CopyNodeParams* parameters, CUcontext) {
  STEP("cuGraphAddMemcpyNode");
  return add_node(graph, before, count, {nullptr, {}, *parameters, {}, {}}, node);
}
STANDIN(cuGraphAddMemsetNode, CUgraphNode* node, CUgraph graph, const CUgraphNode* before, std::size_t count,
        const FillNodeParams* parameters, CUcontext) {
  STEP("cuGraphAddMemsetNode");
  return add_node(graph, before, count, {nullptr, {}, {}, *parameters, {}}, node);
}
// An executable graph here is the graph itself: changed nodes are changed in place.
STANDIN(cuGraphInstantiateWithFlags, CUgraphExec* executable, CUgraph graph, unsigned long long) {
  STEP("cuGraphInstantiateWithFlags");
  *executable = reinterpret_cast<CUgraphExec>(graph);
  const std::lock_guard lock(state().mutex);
  ++state().counts.graph_executables;
  return 0;
}
static void count_update() {
  const std::lock_guard lock(state().mutex);
  ++state().counts.node_updates;
}
STANDIN(cuGraphExecKernelNodeSetParams, CUgraphExec, CUgraphNode node, const KernelNodeParams* parameters) {
  STEP("cuGraphExecKernelNodeSetParams");
  auto* changed = reinterpret_cast<GraphNode*>(node);
  if (changed->function == nullptr) return 1;
  changed->launch = launch_of(*parameters);
  count_update();
  return 0;
}
STANDIN(cuGraphExecMemcpyNodeSetParams, CUgraphExec, CUgraphNode node, const CopyNodeParams* parameters, CUcontext) {
  STEP("cuGraphExecMemcpyNodeSetParams");
  auto* changed = reinterpret_cast<GraphNode*>(node);
  if (changed->copy.width_bytes == 0) return 1;
  changed->copy = *parameters;
  count_update();
  return 0;
}
STANDIN(cuGraphExecMemsetNodeSetParams, CUgraphExec, CUgraphNode node, const FillNodeParams* parameters, CUcontext) {
  STEP("cuGraphExecMemsetNodeSetParams");
  auto* changed = reinterpret_cast<GraphNode*>(node);
  if (changed->fill.width == 0) return 1;
  changed->fill = *parameters;
  count_update();
  return 0;
}
STANDIN(cuGraphLaunch, CUgraphExec executable, CUstream stream) {
  STEP("cuGraphLaunch");
  const auto& nodes = reinterpret_cast<Graph*>(executable)->nodes;
  const bool is_chain = reinterpret_cast<Graph*>(executable)->is_chain();
  if (!is_chain) note(StandinEvent::Kind::Graph, stream, nullptr, 0);
  for (const auto* node : nodes) {
    if (is_chain) note(StandinEvent::Kind::Launch, stream, nullptr, node->launch.first_parameter, node->launch.second_parameter);
  }
  const std::lock_guard lock(state().mutex);
  ++state().counts.graph_launches;
  for (const auto* node : nodes) {
    const auto& [function, launch, copy, fill, before] = *node;
    if (copy.width_bytes != 0) {
      std::memcpy(reinterpret_cast<void*>(copy.destination.device), reinterpret_cast<const void*>(copy.source.device), copy.width_bytes);
    } else if (fill.width != 0) {
      std::memset(reinterpret_cast<void*>(fill.destination), static_cast<int>(fill.value), fill.width);
    } else {
      ++state().counts.launches;
      state().counts.last_launch = launch;
    }
  }
  return 0;
}
STANDIN(cuGraphExecDestroy, CUgraphExec) { const std::lock_guard lock(state().mutex); --state().counts.graph_executables; return 0; }
STANDIN(cuGraphDestroy, CUgraph graph) {
  auto* owner = reinterpret_cast<Graph*>(graph);
  const std::lock_guard lock(state().mutex);
  if (state().graphs.erase(owner) == 0) return 1;
  for (auto* node : owner->nodes) delete node;
  delete owner;
  --state().counts.graphs;
  return 0;
}
