#include "device/cuda/graph_replay.hpp"

#include "device/cuda/nvtx.hpp"
#include "observe/trace.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace anymetal::device::cuda {

Graph::~Graph() {
  const Context::Scope scope(*context_);
  if (executable_ != nullptr) context_->driver().graph_exec_destroy(executable_);
  if (graph_ != nullptr) context_->driver().graph_destroy(graph_);
}

Result<void> Graph::build(const CommandList& list, const std::vector<Launch>& launches, const Dependencies& dependencies) {
  const auto& driver = context_->driver();
  if (auto done = context_->check(driver.graph_create(&graph_, 0), "creating a graph"); !done) return done;
  std::vector<CUgraphNode> before;
  for (std::size_t d = 0; d < launches.size(); ++d) {
    before.clear();
    bool early = starts_early(launches[d]);
    for (const std::size_t p : dependencies.of(d)) {
      before.insert(before.end(), nodes_[p].begin(), nodes_[p].end());
      early = early && launches[p].kernel != nullptr;
    }
    auto& own = nodes_.emplace_back();
    own.resize(launches[d].node_count());
    for (std::size_t index = 0; index < own.size(); ++index) {
      const CUresult r = early ? add_early_node(launches[d], index, before, own[index]) : add_node(launches[d], index, before, own[index]);
      if (r != kSuccess) return context_->check(r, fmt::format("recording {}", describe_command(list.dispatches[d])));
    }
  }
  return context_->check(driver.graph_instantiate(&executable_, graph_, 0), "preparing a graph");
}

CUresult Graph::add_node(const Launch& launch, std::size_t index, const std::vector<CUgraphNode>& before, CUgraphNode& made) {
  if (launch.kernel == nullptr) return launch.transfer.add_node(*context_, index, graph_, before, made);
  const auto parameters = arguments_.at(launch, index);
  return context_->driver().graph_add_kernel_node(&made, graph_, before.data(), before.size(), &parameters);
}

bool Graph::starts_early(const Launch& launch) const {
  // As many as all run at once: the start of larger ones is not what they wait for.
  constexpr std::size_t kFew = 528;
  const auto threadgroups = [](const LaunchPiece& piece) { return piece.grid.x * piece.grid.y * piece.grid.z; };
  return launch.kernel != nullptr && context_->architecture().has_early_starts() && context_->driver().graph_add_dependencies != nullptr &&
         std::ranges::all_of(launch.pieces, [&](const LaunchPiece& piece) { return threadgroups(piece) <= kFew; });
}

CUresult Graph::add_early_node(const Launch& launch, std::size_t index, const std::vector<CUgraphNode>& before, CUgraphNode& made) {
  if (const CUresult r = add_node(launch, index, {}, made); r != kSuccess || before.empty()) return r;
  const std::vector<CUgraphNode> after(before.size(), made);
  const std::vector<EdgeData> edges(before.size(), kProgrammaticEdge);
  return context_->driver().graph_add_dependencies(graph_, before.data(), after.data(), edges.data(), before.size());
}

CUresult Graph::set_node(const Launch& launch, std::size_t index, CUgraphNode node) {
  if (launch.kernel == nullptr) return launch.transfer.set_node(*context_, index, executable_, node);
  const auto parameters = arguments_.at(launch, index);
  return context_->driver().graph_exec_set_kernel_node(executable_, node, &parameters);
}

CUresult Graph::update(std::size_t dispatch, const Launch& launch) {
  const auto& nodes = nodes_[dispatch];
  for (std::size_t index = 0; index < nodes.size(); ++index) {
    if (const CUresult r = set_node(launch, index, nodes[index]); r != kSuccess) return r;
  }
  return kSuccess;
}

Result<void> GraphReplay::set_bytes(std::size_t dispatch, std::size_t argument, std::span<const std::byte> bytes) {
  const auto& bound = list_->arguments[list_->dispatches[dispatch].first_argument + argument];
  std::ranges::copy(bytes, list_->bytes.begin() + static_cast<std::ptrdiff_t>(bound.offset));
  auto& launch = launches_[dispatch];
  const auto& slot = launch.kernel->layout().slots()[argument];
  if (slot.kind != ParameterSlot::Kind::Value) {
    bytes_changed_ = true;
    return {};
  }
  std::copy_n(bytes.begin(), slot.size, launch.block.begin() + static_cast<std::ptrdiff_t>(slot.offset));
  changed_[dispatch] = 1;
  return {};
}

Result<std::shared_ptr<DeviceMemory>> GraphReplay::room_for_bytes(const CommandList& list) const {
  if (!needs_bytes_on_device(list)) return std::shared_ptr<DeviceMemory>();
  if (bytes_ != nullptr && bytes_->size() >= list.bytes.size()) return bytes_;
  return DeviceMemory::allocate_uncleared(context_, list.bytes.size());
}

void GraphReplay::collect_memories() {
  memories_.clear();
  for (const auto& dispatch : list_->dispatches) {
    for (std::size_t i = 0; i < dispatch.argument_count; ++i) {
      const auto& argument = list_->arguments[dispatch.first_argument + i];
      if (argument.kind != BoundArgument::Kind::Buffer) continue;
      auto& access = memories_.emplace(static_cast<const DeviceMemory*>(argument.memory), Access::Read).first->second;
      if (dispatch.access(i) != Access::Read) access = Access::ReadWrite;
    }
  }
}

Result<void> GraphReplay::replace(CommandList list) {
  if (auto usable = context_->usable(); !usable) return usable;
  const auto next = std::make_shared<CommandList>(std::move(list));
  auto bytes = room_for_bytes(*next);
  if (!bytes) return std::unexpected(bytes.error());
  const auto& dispatches = next->dispatches;
  next_launches_.resize(dispatches.size());
  for (std::size_t d = 0; d < dispatches.size(); ++d) {
    const CUdeviceptr address = *bytes == nullptr ? 0 : (*bytes)->address();
    if (auto done = prepare_launch(*next, dispatches[d], address, next_launches_[d]); !done) return done;
  }
  // Nothing fails from here on: until then the earlier list is whole.
  list_ = next;
  bytes_ = *std::move(bytes);
  bytes_changed_ = bytes_ != nullptr;
  next_dependencies_.find(*list_);
  const auto same_shape = [](const Launch& a, const Launch& b) {
    return a.transfer.kind == b.transfer.kind && a.node_count() == b.node_count();
  };
  if (!(next_dependencies_ == dependencies_) || !std::ranges::equal(next_launches_, launches_, same_shape)) {
    graph_ = nullptr;
    changed_.assign(dispatches.size(), 0);
  }
  for (std::size_t d = 0; d < dispatches.size() && graph_ != nullptr; ++d) {
    if (!(next_launches_[d] == launches_[d])) changed_[d] = 1;
  }
  std::swap(launches_, next_launches_);
  std::swap(dependencies_, next_dependencies_);
  collect_memories();
  return {};
}

Result<void> GraphReplay::bring_up_to_date() {
  for (std::size_t d = 0; d < launches_.size() && graph_ != nullptr; ++d) {
    if (changed_[d] == 0) continue;
    const CUresult r = graph_->update(d, launches_[d]);
    if (is_sticky(r)) return context_->check(r, "changing a graph");
    if (r != kSuccess) graph_ = nullptr;  // this driver cannot change it so far
  }
  std::ranges::fill(changed_, std::uint8_t{0});
  if (graph_ != nullptr) return {};
  auto graph = std::make_shared<Graph>(context_);
  if (auto done = graph->build(*list_, launches_, dependencies_); !done) return done;
  graph_ = std::move(graph);
  return {};
}

Result<void> GraphReplay::launch(Submission& work) {
  auto& streams = context_->streams();
  std::vector<const Hazards*> hazards;
  for (const auto& [memory, access] : memories_) hazards.push_back(&memory->hazards());
  const unsigned stream = streams.choose(hazards);
  if (bytes_ != nullptr) {
    if (auto done = streams.order(stream, bytes_->hazards(), Access::Read); !done) return done;
  }
  for (const auto& [memory, access] : memories_) {
    if (auto done = streams.order(stream, memory->hazards(), access); !done) return done;
  }
  const CUresult r = context_->driver().graph_launch(graph_->executable(), streams.handle(stream));
  if (auto done = context_->check(r, "launching a graph"); !done) return done;
  streams.advance(stream);
  if (bytes_ != nullptr) streams.mark(stream, bytes_->hazards(), Access::Read);
  for (const auto& [memory, access] : memories_) streams.mark(stream, memory->hazards(), access);
  return work.close(stream);
}

Result<std::shared_ptr<Work>> GraphReplay::submit() {
  if (list_->dispatches.empty()) return std::make_shared<FinishedWork>();
  if (runs_synchronously()) return executor_.submit(*list_);
  if (auto usable = context_->usable(); !usable) return std::unexpected(usable.error());
  executor_.backlog().reap();
  const trace::Span span("replay", list_->dispatches.front().label);
  const NvtxRange range(list_->dispatches.front().label);
  const Context::Scope scope(*context_);
  if (bytes_changed_) {
    if (auto done = bytes_->write(list_->bytes, 0); !done) return std::unexpected(done.error());
    bytes_changed_ = false;
  }
  if (auto done = bring_up_to_date(); !done) return std::unexpected(done.error());
  auto work = std::make_shared<Submission>(context_, [list = list_] { return describe_commands(*list); });
  work->keep(list_);
  work->keep(graph_);
  work->keep(bytes_);
  {
    const std::lock_guard lock(context_->submit_mutex());
    if (auto done = launch(*work); !done) return std::unexpected(done.error());
  }
  executor_.backlog().add(work);
  return work;
}

}  // namespace anymetal::device::cuda
