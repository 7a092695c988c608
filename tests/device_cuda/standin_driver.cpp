// A stand-in for libcuda.so.1: enough of the driver API, over host memory, for the runtime's own logic to be tested on a
// machine without a GPU. Kernels do not run. Failures are injected by name, and every object is counted.

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "standin_state.hpp"

using namespace anymetal::device::cuda;
using namespace anymetal::test;
using namespace anymetal::test::standin;

namespace anymetal::test::standin {

State& state() {
  static auto& instance = *new State;
  return instance;
}

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

void note(StandinEvent::Kind kind, const void* stream, const void* event, std::uint64_t address, std::uint64_t mark) {
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

}  // namespace anymetal::test::standin

namespace {

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

}  // namespace

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
