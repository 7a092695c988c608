#pragma once
/// \file
/// Names for NVIDIA's profilers, where one is listening.

#include <string_view>

namespace anymetal::device::cuda {

/// A named range of the calling thread's time, from construction to destruction; ranges nest. Costs a branch where no
/// profiler asks for it: the library `NVTX_INJECTION64_PATH` names, which is how Nsight introduces itself, and
/// `libnvToolsExt.so.1` are looked for once. Thread contract: one thread.
class NvtxRange {
 public:
  explicit NvtxRange(std::string_view label);
  ~NvtxRange();
  NvtxRange(const NvtxRange&) = delete;
  NvtxRange& operator=(const NvtxRange&) = delete;
};

}  // namespace anymetal::device::cuda
