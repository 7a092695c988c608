// A stand-in for libcuda.so.1: enough of the driver API, over host memory, for the runtime's own logic to be tested on a
// machine without a GPU. Kernels do not run. Failures are injected by name, and every object is counted.

#include "standin_driver.hpp"

#include "device/cuda/driver_api.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

using namespace anymetal::device::cuda;
using anymetal::test::StandinEvent;
using anymetal::test::StandinLaunch;
using anymetal::test::StandinState;

namespace {

struct GraphNode {
  CUfunction function = nullptr;  // a kernel, unless one of the others has a length
  StandinLaunch launch{};
  CopyNodeParams copy{};
  FillNodeParams fill{};
};

struct Graph {
  std::vector<GraphNode*> nodes;
  bool is_chain = true;  // kernels, each after the one before and nothing else
};

struct State {
  std::mutex mutex;
  std::map<std::string, std::pair<int, int>> failures;  // function: (calls to let through, result)
  std::set<void*> device_memory;
  std::set<void*> host_memory;
  std::set<Graph*> graphs;
  std::set<void*> handles;      // streams and events
  bool held = false;            // no event passes
  std::vector<StandinEvent> log;
  StandinState counts{};
};

State& state() {
  static auto& instance = *new State;
  return instance;
}

// The injected result of this call, or success.
int step(const char* function) {
  auto& s = state();
  const std::lock_guard lock(s.mutex);
  ++s.counts.calls;
  const auto found = s.failures.find(function);
  if (found == s.failures.end()) return 0;
  if (found->second.first > 0) {
    --found->second.first;
    return 0;
  }
  return found->second.second;
}

template <class T>
T handle(std::size_t value) {
  return reinterpret_cast<T>(value);
}

// A new object, counted by `count`.
template <class T>
T make_handle(long& count) {
  auto& s = state();
  const std::lock_guard lock(s.mutex);
  ++count;
  void* made = new char;
  s.handles.insert(made);
  return static_cast<T>(made);
}

CUresult release_handle(void* made, long& count) {
  auto& s = state();
  const std::lock_guard lock(s.mutex);
  if (s.handles.erase(made) == 0) return 1;
  --count;
  delete static_cast<char*>(made);
  return 0;
}

void note(StandinEvent::Kind kind, const void* stream, const void* event, std::uint64_t address, std::uint64_t mark = 0) {
  const std::lock_guard lock(state().mutex);
  state().log.push_back({kind, stream, event, address, mark});
}

StandinLaunch launch_of(unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                        void** parameters) {
  StandinLaunch launch{{gx, gy, gz}, {bx, by, bz}, shared, 0, 0};
  std::memcpy(&launch.first_parameter, parameters[0], sizeof launch.first_parameter);
  std::memcpy(&launch.second_parameter, parameters[1], sizeof launch.second_parameter);
  return launch;
}

StandinLaunch launch_of(const KernelNodeParams& p) {
  return launch_of(p.grid[0], p.grid[1], p.grid[2], p.block[0], p.block[1], p.block[2], p.shared_bytes, p.parameters);
}

}  // namespace

#define STANDIN(name, ...) extern "C" __attribute__((visibility("default"))) CUresult name(__VA_ARGS__)
#define STEP(name) \
  if (const int injected = step(name); injected != 0) return injected

extern "C" __attribute__((visibility("default"))) void standin_fail(const char* function, int after, int result) {
  const std::lock_guard lock(state().mutex);
  if (result == 0) {
    state().failures.erase(function);
  } else {
    state().failures[function] = {after, result};
  }
}
extern "C" __attribute__((visibility("default"))) StandinState standin_state() {
  auto& s = state();
  const std::lock_guard lock(s.mutex);
  s.counts.device_allocations = s.device_memory.size();
  s.counts.host_allocations = s.host_memory.size();
  return s.counts;
}

// While held, nothing that was recorded passes: work is under way.
extern "C" __attribute__((visibility("default"))) void standin_hold(bool held) {
  const std::lock_guard lock(state().mutex);
  state().held = held;
}
// Empties the log into `events`; how many there were, at most `room`.
extern "C" __attribute__((visibility("default"))) std::size_t standin_take_log(StandinEvent* events, std::size_t room) {
  const std::lock_guard lock(state().mutex);
  const std::size_t count = std::min(room, state().log.size());
  std::copy_n(state().log.begin(), count, events);
  state().log.clear();
  return count;
}

// What a machine of another kind would say: an environment variable's number, else what this one says.
static int said(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::atoi(text) : otherwise;
}

STANDIN(cuInit, unsigned) { STEP("cuInit"); return said("STANDIN_INIT", 0); }
STANDIN(cuDriverGetVersion, int* version) { *version = said("STANDIN_VERSION", 13000); STEP("cuDriverGetVersion"); return 0; }
STANDIN(cuGetErrorName, CUresult result, const char** name) {
  *name = result == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : result == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_STANDIN";
  return 0;
}
STANDIN(cuGetErrorString, CUresult, const char** text) { *text = "injected"; return 0; }
STANDIN(cuDeviceGetCount, int* count) { *count = said("STANDIN_GPUS", 1); STEP("cuDeviceGetCount"); return 0; }
STANDIN(cuDeviceGet, CUdevice* device, int ordinal) { *device = ordinal; STEP("cuDeviceGet"); return 0; }
STANDIN(cuDeviceGetName, char* name, int length, CUdevice) { std::strncpy(name, "Stand-in GPU", static_cast<std::size_t>(length)); return 0; }
STANDIN(cuDeviceTotalMem_v2, std::size_t* bytes, CUdevice) { *bytes = std::size_t{1} << 30; return 0; }
STANDIN(cuDeviceGetAttribute, int* value, DeviceAttribute attribute, CUdevice) {
  *value = attribute == DeviceAttribute::ComputeCapabilityMajor          ? said("STANDIN_CAPABILITY", 9)
           : attribute == DeviceAttribute::ComputeCapabilityMinor        ? 0
           : attribute == DeviceAttribute::MultiprocessorCount           ? 4
           : attribute == DeviceAttribute::MaxSharedMemoryPerBlockOptin ? 232448
                                                                         : 1024;
  return 0;
}
STANDIN(cuDevicePrimaryCtxRetain, CUcontext* context, CUdevice) {
  STEP("cuDevicePrimaryCtxRetain");
  *context = handle<CUcontext>(1);
  const std::lock_guard lock(state().mutex);
  ++state().counts.contexts;
  return 0;
}
STANDIN(cuDevicePrimaryCtxRelease_v2, CUdevice) { const std::lock_guard lock(state().mutex); --state().counts.contexts; return 0; }
STANDIN(cuCtxPushCurrent_v2, CUcontext) { const std::lock_guard lock(state().mutex); ++state().counts.context_depth; return 0; }
STANDIN(cuCtxPopCurrent_v2, CUcontext* context) { *context = nullptr; const std::lock_guard lock(state().mutex); --state().counts.context_depth; return 0; }
STANDIN(cuStreamCreate, CUstream* stream, unsigned) {
  STEP("cuStreamCreate");
  *stream = make_handle<CUstream>(state().counts.streams);
  return 0;
}
STANDIN(cuStreamDestroy_v2, CUstream stream) { return release_handle(stream, state().counts.streams); }
STANDIN(cuStreamSynchronize, CUstream) { STEP("cuStreamSynchronize"); return 0; }
STANDIN(cuStreamWaitEvent, CUstream stream, CUevent event, unsigned) {
  STEP("cuStreamWaitEvent");
  note(StandinEvent::Kind::Wait, stream, event, 0);
  return 0;
}
STANDIN(cuEventCreate, CUevent* event, unsigned) {
  STEP("cuEventCreate");
  *event = make_handle<CUevent>(state().counts.events);
  return 0;
}
STANDIN(cuEventDestroy_v2, CUevent event) { return release_handle(event, state().counts.events); }
STANDIN(cuEventRecord, CUevent event, CUstream stream) {
  STEP("cuEventRecord");
  note(StandinEvent::Kind::Record, stream, event, 0);
  return 0;
}
STANDIN(cuEventQuery, CUevent) {
  STEP("cuEventQuery");
  const std::lock_guard lock(state().mutex);
  return state().held ? kErrorNotReady : 0;
}
STANDIN(cuEventSynchronize, CUevent) { STEP("cuEventSynchronize"); return 0; }
STANDIN(cuMemAlloc_v2, CUdeviceptr* address, std::size_t bytes) {
  STEP("cuMemAlloc");
  void* memory = std::malloc(bytes);
  *address = reinterpret_cast<CUdeviceptr>(memory);
  const std::lock_guard lock(state().mutex);
  state().device_memory.insert(memory);
  return 0;
}
STANDIN(cuMemFree_v2, CUdeviceptr address) {
  auto* memory = reinterpret_cast<void*>(address);
  const std::lock_guard lock(state().mutex);
  if (state().device_memory.erase(memory) == 0) return 1;
  std::free(memory);
  return 0;
}
STANDIN(cuMemGetInfo_v2, std::size_t* available, std::size_t* total) { *available = 123; *total = std::size_t{1} << 30; return 0; }
STANDIN(cuMemAllocHost_v2, void** memory, std::size_t bytes) {
  STEP("cuMemAllocHost");
  *memory = std::malloc(bytes);
  const std::lock_guard lock(state().mutex);
  state().host_memory.insert(*memory);
  return 0;
}
STANDIN(cuMemFreeHost, void* memory) {
  const std::lock_guard lock(state().mutex);
  if (state().host_memory.erase(memory) == 0) return 1;
  std::free(memory);
  return 0;
}
STANDIN(cuMemcpyHtoDAsync_v2, CUdeviceptr to, const void* from, std::size_t bytes, CUstream stream) {
  STEP("cuMemcpyHtoDAsync");
  note(StandinEvent::Kind::CopyToDevice, stream, nullptr, to, bytes);
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return 0;
}
STANDIN(cuMemcpyDtoHAsync_v2, void* to, CUdeviceptr from, std::size_t bytes, CUstream stream) {
  STEP("cuMemcpyDtoHAsync");
  note(StandinEvent::Kind::CopyToHost, stream, nullptr, from, bytes);
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return 0;
}
STANDIN(cuMemcpyDtoDAsync_v2, CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream stream) {
  STEP("cuMemcpyDtoDAsync");
  note(StandinEvent::Kind::CopyOnDevice, stream, nullptr, to, bytes);
  std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
  return 0;
}
STANDIN(cuMemsetD8Async, CUdeviceptr to, unsigned char value, std::size_t bytes, CUstream stream) {
  STEP("cuMemsetD8Async");
  note(StandinEvent::Kind::Clear, stream, nullptr, to, bytes);
  std::memset(reinterpret_cast<void*>(to), value, bytes);
  return 0;
}
STANDIN(cuModuleLoadDataEx, CUmodule* module, const void*, unsigned, JitOption*, void**) {
  STEP("cuModuleLoadDataEx");
  const std::lock_guard lock(state().mutex);
  *module = handle<CUmodule>(4);
  ++state().counts.modules;
  return 0;
}
STANDIN(cuModuleUnload, CUmodule) { const std::lock_guard lock(state().mutex); --state().counts.modules; return 0; }
STANDIN(cuModuleGetFunction, CUfunction* function, CUmodule, const char*) { STEP("cuModuleGetFunction"); *function = handle<CUfunction>(5); return 0; }
STANDIN(cuFuncGetAttribute, int* value, FunctionAttribute attribute, CUfunction) {
  *value = attribute == FunctionAttribute::MaxThreadsPerBlock ? 640 : 0;
  return 0;
}
STANDIN(cuFuncSetAttribute, CUfunction, FunctionAttribute, int) { STEP("cuFuncSetAttribute"); return 0; }
STANDIN(cuLaunchKernel, CUfunction, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
        CUstream stream, void** parameters, void**) {
  STEP("cuLaunchKernel");
  const auto launch = launch_of(gx, gy, gz, bx, by, bz, shared, parameters);
  note(StandinEvent::Kind::Launch, stream, nullptr, launch.first_parameter, launch.second_parameter);
  const std::lock_guard lock(state().mutex);
  state().counts.last_launch = launch;
  ++state().counts.launches;
  return 0;
}
STANDIN(cuLinkCreate_v2, unsigned, JitOption*, void**, CUlinkState* link) {
  STEP("cuLinkCreate");
  const std::lock_guard lock(state().mutex);
  *link = handle<CUlinkState>(6);
  ++state().counts.links;
  return 0;
}
STANDIN(cuLinkAddData_v2, CUlinkState, int, void*, std::size_t, const char*, unsigned, JitOption*, void**) { STEP("cuLinkAddData"); return 0; }
STANDIN(cuLinkComplete, CUlinkState, void** image, std::size_t* size) {
  STEP("cuLinkComplete");
  static char cubin[] = "stand-in cubin";
  *image = cubin;
  *size = sizeof cubin;
  return 0;
}
STANDIN(cuLinkDestroy, CUlinkState) { const std::lock_guard lock(state().mutex); --state().counts.links; return 0; }
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
  for (std::size_t i = 0; i < count; ++i) {
    const auto* known = reinterpret_cast<GraphNode*>(before[i]);
    if (std::find(owner->nodes.begin(), owner->nodes.end(), known) == owner->nodes.end()) return 1;
  }
  const bool follows = owner->nodes.empty() ? count == 0 : count == 1 && reinterpret_cast<GraphNode*>(before[0]) == owner->nodes.back();
  owner->is_chain = owner->is_chain && node.function != nullptr && follows;
  owner->nodes.push_back(new GraphNode(node));
  *made = reinterpret_cast<CUgraphNode>(owner->nodes.back());
  return 0;
}
STANDIN(cuGraphAddKernelNode, CUgraphNode* node, CUgraph graph, const CUgraphNode* before, std::size_t count,
        const KernelNodeParams* parameters) {
  STEP("cuGraphAddKernelNode");
  return add_node(graph, before, count, {parameters->function, launch_of(*parameters), {}, {}}, node);
}
STANDIN(cuGraphAddMemcpyNode, CUgraphNode* node, CUgraph graph, const CUgraphNode* before, std::size_t count,
        const CopyNodeParams* parameters, CUcontext) {
  STEP("cuGraphAddMemcpyNode");
  return add_node(graph, before, count, {nullptr, {}, *parameters, {}}, node);
}
STANDIN(cuGraphAddMemsetNode, CUgraphNode* node, CUgraph graph, const CUgraphNode* before, std::size_t count,
        const FillNodeParams* parameters, CUcontext) {
  STEP("cuGraphAddMemsetNode");
  return add_node(graph, before, count, {nullptr, {}, {}, *parameters}, node);
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
  const auto& [nodes, is_chain] = *reinterpret_cast<Graph*>(executable);
  if (!is_chain) note(StandinEvent::Kind::Graph, stream, nullptr, 0);
  for (const auto* node : nodes) {
    if (is_chain) note(StandinEvent::Kind::Launch, stream, nullptr, node->launch.first_parameter, node->launch.second_parameter);
  }
  const std::lock_guard lock(state().mutex);
  ++state().counts.graph_launches;
  for (const auto* node : nodes) {
    const auto& [function, launch, copy, fill] = *node;
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
