// Range names reach a profiler that injects itself. A program of its own: who listens is looked up once a process.

#include "device/cuda/nvtx.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <dlfcn.h>

namespace anymetal::test {
namespace {

TEST(Nvtx, RangesNestAndCarryTheirNames) {
  setenv("NVTX_INJECTION64_PATH", ANYMETAL_STANDIN_PROFILER, 1);
  void* library = dlopen(ANYMETAL_STANDIN_PROFILER, RTLD_NOW);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto names = reinterpret_cast<const char* (*)()>(dlsym(library, "standin_profiler_names"));
  const auto depth = reinterpret_cast<int (*)()>(dlsym(library, "standin_profiler_depth"));
  {
    const device::cuda::NvtxRange outer("rms_norm|1:b1");
    const device::cuda::NvtxRange inner("add");
    EXPECT_EQ(depth(), 2);
  }
  EXPECT_EQ(depth(), 0);
  EXPECT_STREQ(names(), "rms_norm|1:b1;add;");
}

}  // namespace
}  // namespace anymetal::test
