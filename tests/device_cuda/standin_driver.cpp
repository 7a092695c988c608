// A stand-in for libcuda.so.1: enough of the driver API, over host memory, for the runtime's own logic to be tested on a
// machine without a GPU. Kernels do not run. Failures are injected by name, and every object is counted.

#include "standin_driver.hpp"

#include "device/cuda/driver_api.hpp"

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <string>

using namespace anymetal::device::cuda;
using anymetal::test::StandinState;

namespace {

struct State {
  std::mutex mutex;
  std::map<std::string, std::pair<int, int>> failures;  // function: (calls to let through, result)
  std::set<void*> device_memory;
  std::set<void*> host_memory;
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

STANDIN(cuInit, unsigned) { STEP("cuInit"); return 0; }
STANDIN(cuDriverGetVersion, int* version) { *version = 13000; STEP("cuDriverGetVersion"); return 0; }
STANDIN(cuGetErrorName, CUresult result, const char** name) {
  *name = result == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : result == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_STANDIN";
  return 0;
}
STANDIN(cuGetErrorString, CUresult, const char** text) { *text = "injected"; return 0; }
STANDIN(cuDeviceGetCount, int* count) { *count = 1; STEP("cuDeviceGetCount"); return 0; }
STANDIN(cuDeviceGet, CUdevice* device, int ordinal) { *device = ordinal; STEP("cuDeviceGet"); return 0; }
STANDIN(cuDeviceGetName, char* name, int length, CUdevice) { std::strncpy(name, "Stand-in GPU", static_cast<std::size_t>(length)); return 0; }
STANDIN(cuDeviceTotalMem_v2, std::size_t* bytes, CUdevice) { *bytes = std::size_t{1} << 30; return 0; }
STANDIN(cuDeviceGetAttribute, int* value, DeviceAttribute attribute, CUdevice) {
  *value = attribute == DeviceAttribute::ComputeCapabilityMajor          ? 9
           : attribute == DeviceAttribute::ComputeCapabilityMinor        ? 0
           : attribute == DeviceAttribute::MultiprocessorCount           ? 4
           : attribute == DeviceAttribute::MaxSharedMemoryPerBlockOptin ? 232448
                                                                         : 1024;
  return 0;
}
STANDIN(cuDevicePrimaryCtxRetain, CUcontext* context, CUdevice) { STEP("cuDevicePrimaryCtxRetain"); *context = handle<CUcontext>(1); return 0; }
STANDIN(cuDevicePrimaryCtxRelease_v2, CUdevice) { return 0; }
STANDIN(cuCtxPushCurrent_v2, CUcontext) { const std::lock_guard lock(state().mutex); ++state().counts.context_depth; return 0; }
STANDIN(cuCtxPopCurrent_v2, CUcontext* context) { *context = nullptr; const std::lock_guard lock(state().mutex); --state().counts.context_depth; return 0; }
STANDIN(cuStreamCreate, CUstream* stream, unsigned) { STEP("cuStreamCreate"); *stream = handle<CUstream>(2); return 0; }
STANDIN(cuStreamDestroy_v2, CUstream) { return 0; }
STANDIN(cuStreamSynchronize, CUstream) { STEP("cuStreamSynchronize"); return 0; }
STANDIN(cuEventCreate, CUevent* event, unsigned) { *event = handle<CUevent>(3); return 0; }
STANDIN(cuEventDestroy_v2, CUevent) { return 0; }
STANDIN(cuEventRecord, CUevent, CUstream) { return 0; }
STANDIN(cuEventSynchronize, CUevent) { return 0; }
STANDIN(cuEventElapsedTime, float* milliseconds, CUevent, CUevent) { *milliseconds = 1; return 0; }
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
STANDIN(cuMemcpyHtoDAsync_v2, CUdeviceptr to, const void* from, std::size_t bytes, CUstream) {
  STEP("cuMemcpyHtoDAsync");
  std::memcpy(reinterpret_cast<void*>(to), from, bytes);
  return 0;
}
STANDIN(cuMemcpyDtoHAsync_v2, void* to, CUdeviceptr from, std::size_t bytes, CUstream) {
  STEP("cuMemcpyDtoHAsync");
  std::memcpy(to, reinterpret_cast<const void*>(from), bytes);
  return 0;
}
STANDIN(cuMemsetD8Async, CUdeviceptr to, unsigned char value, std::size_t bytes, CUstream) {
  STEP("cuMemsetD8Async");
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
        CUstream, void** parameters, void**) {
  STEP("cuLaunchKernel");
  const std::lock_guard lock(state().mutex);
  auto& last = state().counts.last_launch;
  last = {{gx, gy, gz}, {bx, by, bz}, shared, 0};
  std::memcpy(&last.first_parameter, parameters[0], sizeof last.first_parameter);
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
STANDIN(cuStreamBeginCapture_v2, CUstream, int) { STEP("cuStreamBeginCapture"); return 0; }
STANDIN(cuStreamEndCapture, CUstream, CUgraph* graph) { STEP("cuStreamEndCapture"); *graph = handle<CUgraph>(7); return 0; }
STANDIN(cuGraphInstantiateWithFlags, CUgraphExec* exec, CUgraph, unsigned long long) { STEP("cuGraphInstantiateWithFlags"); *exec = handle<CUgraphExec>(8); return 0; }
STANDIN(cuGraphExecUpdate_v2, CUgraphExec, CUgraph, GraphExecUpdateInfo*) { STEP("cuGraphExecUpdate"); return 0; }
STANDIN(cuGraphLaunch, CUgraphExec, CUstream) { STEP("cuGraphLaunch"); return 0; }
STANDIN(cuGraphExecDestroy, CUgraphExec) { return 0; }
STANDIN(cuGraphDestroy, CUgraph) { return 0; }
