#pragma once
/// \file
/// The part of the CUDA driver API that anymetal calls, declared here so that no toolkit is needed to build or run.
/// Names, values and signatures are those of the CUDA Driver API reference.

#include <cstddef>
#include <cstdint>

namespace anymetal::device::cuda {

using CUresult = int;
using CUdevice = int;
using CUdeviceptr = unsigned long long;
using CUcontext = struct CUctx_st*;
using CUmodule = struct CUmod_st*;
using CUfunction = struct CUfunc_st*;
using CUstream = struct CUstream_st*;
using CUevent = struct CUevent_st*;
using CUlinkState = struct CUlinkState_st*;
using CUgraph = struct CUgraph_st*;
using CUgraphExec = struct CUgraphExec_st*;
using CUgraphNode = struct CUgraphNode_st*;

inline constexpr CUresult kSuccess = 0;
inline constexpr CUresult kErrorOutOfMemory = 2;
inline constexpr CUresult kErrorNoDevice = 100;
inline constexpr CUresult kErrorInvalidImage = 200;
inline constexpr CUresult kErrorInvalidPtx = 218;
inline constexpr CUresult kErrorUnsupportedPtxVersion = 222;
inline constexpr CUresult kErrorNotReady = 600;
inline constexpr CUresult kErrorIllegalAddress = 700;
inline constexpr CUresult kErrorLaunchOutOfResources = 701;
inline constexpr CUresult kErrorLaunchTimeout = 702;
inline constexpr CUresult kErrorHardwareStackError = 714;
inline constexpr CUresult kErrorLaunchFailed = 719;

/// CUdevice_attribute values.
enum class DeviceAttribute : int {
  MaxThreadsPerBlock = 1,
  MultiprocessorCount = 16,
  ComputeCapabilityMajor = 75,
  ComputeCapabilityMinor = 76,
  MaxSharedMemoryPerBlockOptin = 97,
};
/// CUfunction_attribute values.
enum class FunctionAttribute : int {
  MaxThreadsPerBlock = 0,
  SharedSizeBytes = 1,
  LocalSizeBytes = 3,
  NumRegs = 4,
  MaxDynamicSharedSizeBytes = 8,
};
/// CUjit_option values.
enum class JitOption : int {
  InfoLogBuffer = 3,
  InfoLogBufferSizeBytes = 4,
  ErrorLogBuffer = 5,
  ErrorLogBufferSizeBytes = 6,
};
inline constexpr int kJitInputPtx = 1;
inline constexpr unsigned kStreamNonBlocking = 1;
inline constexpr unsigned kEventDisableTiming = 2;

/// CUDA_KERNEL_NODE_PARAMS of the first version of the graph functions, which every driver has.
struct KernelNodeParams {
  CUfunction function = nullptr;
  unsigned grid[3] = {};
  unsigned block[3] = {};
  unsigned shared_bytes = 0;
  void** parameters = nullptr;
  void** extra = nullptr;
};
static_assert(sizeof(KernelNodeParams) == 56);

/// CUmemorytype.
inline constexpr int kMemoryTypeDevice = 2;

/// One end of a CUDA_MEMCPY3D.
struct CopyEnd {
  std::size_t x_bytes = 0, y = 0, z = 0, lod = 0;
  int type = kMemoryTypeDevice;
  void* host = nullptr;
  CUdeviceptr device = 0;
  void* array = nullptr;
  void* reserved = nullptr;
  std::size_t pitch = 0, height = 0;
};
/// CUDA_MEMCPY3D.
struct CopyNodeParams {
  CopyEnd source, destination;
  std::size_t width_bytes = 0, height = 1, depth = 1;
};
static_assert(sizeof(CopyNodeParams) == 200);

/// CUDA_MEMSET_NODE_PARAMS of the first version.
struct FillNodeParams {
  CUdeviceptr destination = 0;
  std::size_t pitch = 0;
  unsigned value = 0;
  unsigned element_bytes = 1;
  std::size_t width = 0, height = 1;
};
static_assert(sizeof(FillNodeParams) == 40);

/// CUgraphEdgeData: how one node follows another.
struct EdgeData {
  unsigned char from_port = 0, to_port = 0, type = 0;
  unsigned char reserved[5] = {};
};
static_assert(sizeof(EdgeData) == 8);
/// Between kernels: the second may be started as soon as the threadgroups of the first have ended, and waits itself (griddepcontrol)
/// until all they wrote is to be seen.
inline constexpr EdgeData kProgrammaticEdge{1, 0, 1, {}};

// One row per function: member name, exported symbol, parameters.
#define ANYMETAL_CUDA_FUNCTIONS(X)                                                                                     \
  X(init, "cuInit", (unsigned))                                                                                        \
  X(driver_get_version, "cuDriverGetVersion", (int*))                                                                  \
  X(get_error_name, "cuGetErrorName", (CUresult, const char**))                                                        \
  X(get_error_string, "cuGetErrorString", (CUresult, const char**))                                                    \
  X(device_get_count, "cuDeviceGetCount", (int*))                                                                      \
  X(device_get, "cuDeviceGet", (CUdevice*, int))                                                                       \
  X(device_get_name, "cuDeviceGetName", (char*, int, CUdevice))                                                        \
  X(device_total_mem, "cuDeviceTotalMem_v2", (std::size_t*, CUdevice))                                                 \
  X(device_get_attribute, "cuDeviceGetAttribute", (int*, DeviceAttribute, CUdevice))                                   \
  X(primary_ctx_retain, "cuDevicePrimaryCtxRetain", (CUcontext*, CUdevice))                                            \
  X(primary_ctx_release, "cuDevicePrimaryCtxRelease_v2", (CUdevice))                                                   \
  X(ctx_push_current, "cuCtxPushCurrent_v2", (CUcontext))                                                              \
  X(ctx_pop_current, "cuCtxPopCurrent_v2", (CUcontext*))                                                               \
  X(stream_create, "cuStreamCreate", (CUstream*, unsigned))                                                            \
  X(stream_destroy, "cuStreamDestroy_v2", (CUstream))                                                                  \
  X(stream_synchronize, "cuStreamSynchronize", (CUstream))                                                             \
  X(event_create, "cuEventCreate", (CUevent*, unsigned))                                                               \
  X(event_destroy, "cuEventDestroy_v2", (CUevent))                                                                     \
  X(event_record, "cuEventRecord", (CUevent, CUstream))                                                                \
  X(event_synchronize, "cuEventSynchronize", (CUevent))                                                                \
  X(event_query, "cuEventQuery", (CUevent))                                                                            \
  X(stream_wait_event, "cuStreamWaitEvent", (CUstream, CUevent, unsigned))                                             \
  X(mem_alloc, "cuMemAlloc_v2", (CUdeviceptr*, std::size_t))                                                           \
  X(mem_free, "cuMemFree_v2", (CUdeviceptr))                                                                           \
  X(mem_get_info, "cuMemGetInfo_v2", (std::size_t*, std::size_t*))                                                     \
  X(mem_alloc_host, "cuMemAllocHost_v2", (void**, std::size_t))                                                        \
  X(mem_free_host, "cuMemFreeHost", (void*))                                                                           \
  X(memcpy_htod_async, "cuMemcpyHtoDAsync_v2", (CUdeviceptr, const void*, std::size_t, CUstream))                      \
  X(memcpy_dtoh_async, "cuMemcpyDtoHAsync_v2", (void*, CUdeviceptr, std::size_t, CUstream))                            \
  X(memcpy_dtod_async, "cuMemcpyDtoDAsync_v2", (CUdeviceptr, CUdeviceptr, std::size_t, CUstream))                      \
  X(memset_d8_async, "cuMemsetD8Async", (CUdeviceptr, unsigned char, std::size_t, CUstream))                           \
  X(module_load_data, "cuModuleLoadDataEx", (CUmodule*, const void*, unsigned, JitOption*, void**))                    \
  X(module_unload, "cuModuleUnload", (CUmodule))                                                                       \
  X(module_get_function, "cuModuleGetFunction", (CUfunction*, CUmodule, const char*))                                  \
  X(func_get_attribute, "cuFuncGetAttribute", (int*, FunctionAttribute, CUfunction))                                   \
  X(func_set_attribute, "cuFuncSetAttribute", (CUfunction, FunctionAttribute, int))                                    \
  X(launch_kernel, "cuLaunchKernel",                                                                                   \
    (CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream, void**, void**))      \
  X(link_create, "cuLinkCreate_v2", (unsigned, JitOption*, void**, CUlinkState*))                                      \
  X(link_add_data, "cuLinkAddData_v2",                                                                                 \
    (CUlinkState, int, void*, std::size_t, const char*, unsigned, JitOption*, void**))                                 \
  X(link_complete, "cuLinkComplete", (CUlinkState, void**, std::size_t*))                                              \
  X(link_destroy, "cuLinkDestroy", (CUlinkState))                                                                      \
  X(graph_create, "cuGraphCreate", (CUgraph*, unsigned))                                                               \
  X(graph_add_kernel_node, "cuGraphAddKernelNode",                                                                     \
    (CUgraphNode*, CUgraph, const CUgraphNode*, std::size_t, const KernelNodeParams*))                                 \
  X(graph_add_copy_node, "cuGraphAddMemcpyNode",                                                                       \
    (CUgraphNode*, CUgraph, const CUgraphNode*, std::size_t, const CopyNodeParams*, CUcontext))                        \
  X(graph_add_fill_node, "cuGraphAddMemsetNode",                                                                       \
    (CUgraphNode*, CUgraph, const CUgraphNode*, std::size_t, const FillNodeParams*, CUcontext))                        \
  X(graph_instantiate, "cuGraphInstantiateWithFlags", (CUgraphExec*, CUgraph, unsigned long long))                     \
  X(graph_exec_set_kernel_node, "cuGraphExecKernelNodeSetParams", (CUgraphExec, CUgraphNode, const KernelNodeParams*)) \
  X(graph_exec_set_copy_node, "cuGraphExecMemcpyNodeSetParams", (CUgraphExec, CUgraphNode, const CopyNodeParams*, CUcontext)) \
  X(graph_exec_set_fill_node, "cuGraphExecMemsetNodeSetParams", (CUgraphExec, CUgraphNode, const FillNodeParams*, CUcontext)) \
  X(graph_launch, "cuGraphLaunch", (CUgraphExec, CUstream))                                                            \
  X(graph_exec_destroy, "cuGraphExecDestroy", (CUgraphExec))                                                           \
  X(graph_destroy, "cuGraphDestroy", (CUgraph))

// The same of functions that older drivers do not have: null there.
#define ANYMETAL_CUDA_NEWER_FUNCTIONS(X)                                                                               \
  X(graph_add_dependencies, "cuGraphAddDependencies_v2",                                                               \
    (CUgraph, const CUgraphNode*, const CUgraphNode*, const EdgeData*, std::size_t))

}  // namespace anymetal::device::cuda
