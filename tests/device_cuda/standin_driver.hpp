#pragma once
/// \file
/// What the stand-in driver tells of itself.

#include <cstddef>
#include <cstdint>

namespace anymetal::test {

struct StandinLaunch {
  unsigned grid[3];
  unsigned block[3];
  unsigned shared;
  std::uint64_t first_parameter;
  std::uint64_t second_parameter;  ///< its first eight bytes
};

/// Objects that were made and not yet released, and counts of calls.
struct StandinState {
  std::size_t calls;
  std::size_t device_allocations;
  std::size_t host_allocations;
  long contexts;
  long streams;
  long events;
  long modules;
  long links;
  long graphs;
  long graph_executables;
  long context_depth;
  std::size_t launches;       ///< of kernels, each of a graph's among them
  std::size_t graph_launches;
  std::size_t node_updates;
  std::size_t early_edges;    ///< of graphs: kernels that may start before those they follow are complete
  StandinLaunch last_launch;
};

/// One call that puts work on a stream or orders streams. A graph of kernels one after the other is a Launch for each.
struct StandinEvent {
  enum class Kind : std::uint8_t { Launch, Graph, CopyToDevice, CopyToHost, CopyOnDevice, Clear, Record, Wait };
  Kind kind;
  const void* stream;
  const void* event;        ///< Record and Wait
  std::uint64_t address;    ///< copies and Clear: in device memory, where to; Launch: the first parameter
  std::uint64_t mark;       ///< copies and Clear: how many bytes; Launch: the second parameter
};

}  // namespace anymetal::test
