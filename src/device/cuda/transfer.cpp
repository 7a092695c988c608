#include "device/cuda/transfer.hpp"

#include <algorithm>

#include "device/cuda/memory.hpp"

namespace anymetal::device::cuda {

namespace {

// A node copies or fills rows of a pitch, which must stay below 2 GiB.
constexpr std::size_t kNodeBytes = std::size_t{1} << 30;

CUdeviceptr address_of(const BoundArgument& argument) {
  return static_cast<const DeviceMemory*>(argument.memory)->address() + argument.offset;
}

std::size_t node_bytes(const Transfer& transfer, std::size_t index) {
  return std::min(kNodeBytes, transfer.bytes - index * kNodeBytes);
}

CopyNodeParams copy_node(const Transfer& transfer, std::size_t index) {
  CopyNodeParams node;
  node.width_bytes = node_bytes(transfer, index);
  node.source.device = transfer.source + index * kNodeBytes;
  node.destination.device = transfer.destination + index * kNodeBytes;
  for (CopyEnd* end : {&node.source, &node.destination}) {
    end->pitch = node.width_bytes;
    end->height = 1;
  }
  return node;
}

FillNodeParams fill_node(const Transfer& transfer, std::size_t index) {
  FillNodeParams node;
  node.destination = transfer.destination + index * kNodeBytes;
  node.value = transfer.value;
  node.width = node_bytes(transfer, index);
  return node;
}

}  // namespace

Transfer Transfer::of(const CommandList& list, const Dispatch& command) {
  const auto& to = list.arguments[command.first_argument];
  Transfer transfer{command.kind, address_of(to), 0, to.length, std::to_integer<unsigned char>(command.fill_value)};
  if (command.kind == Dispatch::Kind::Copy) transfer.source = address_of(list.arguments[command.first_argument + 1]);
  return transfer;
}

CUresult Transfer::start(const Driver& driver, CUstream stream) const {
  return kind == Dispatch::Kind::Copy ? driver.memcpy_dtod_async(destination, source, bytes, stream)
                                      : driver.memset_d8_async(destination, value, bytes, stream);
}

std::size_t Transfer::node_count() const { return (bytes + kNodeBytes - 1) / kNodeBytes; }

CUresult Transfer::add_node(const Context& context, std::size_t index, CUgraph graph,
                            const std::vector<CUgraphNode>& before, CUgraphNode& made) const {
  const auto& driver = context.driver();
  if (kind == Dispatch::Kind::Copy) {
    const auto node = copy_node(*this, index);
    return driver.graph_add_copy_node(&made, graph, before.data(), before.size(), &node, context.handle());
  }
  const auto node = fill_node(*this, index);
  return driver.graph_add_fill_node(&made, graph, before.data(), before.size(), &node, context.handle());
}

CUresult Transfer::set_node(const Context& context, std::size_t index, CUgraphExec executable, CUgraphNode node) const {
  const auto& driver = context.driver();
  if (kind == Dispatch::Kind::Copy) {
    const auto parameters = copy_node(*this, index);
    return driver.graph_exec_set_copy_node(executable, node, &parameters, context.handle());
  }
  const auto parameters = fill_node(*this, index);
  return driver.graph_exec_set_fill_node(executable, node, &parameters, context.handle());
}

}  // namespace anymetal::device::cuda
