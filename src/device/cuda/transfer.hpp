#pragma once
/// \file
/// Copies within GPU memory and fills, on a stream or as nodes of a graph.

#include <vector>

#include "device/backend.hpp"
#include "device/cuda/context.hpp"

namespace anymetal::device::cuda {

/// Two equal ones do the same to the same memory.
struct Transfer {
  Dispatch::Kind kind = Dispatch::Kind::Kernel;  ///< which is none
  CUdeviceptr destination = 0;
  CUdeviceptr source = 0;  ///< Copy
  std::size_t bytes = 0;
  unsigned char value = 0;  ///< Fill

  /// The copy or fill that `command` of `list` asks for.
  static Transfer of(const CommandList& list, const Dispatch& command);

  CUresult start(const Driver& driver, CUstream stream) const;
  /// How many nodes of a graph it takes: one has a row's length only.
  [[nodiscard]] std::size_t node_count() const;
  CUresult add_node(const Context& context, std::size_t index, CUgraph graph, const std::vector<CUgraphNode>& before,
                    CUgraphNode& made) const;
  CUresult set_node(const Context& context, std::size_t index, CUgraphExec executable, CUgraphNode node) const;

  friend bool operator==(const Transfer&, const Transfer&) = default;
};

}  // namespace anymetal::device::cuda
