// What is said of machines on which an NVIDIA GPU cannot be used. Each runs in a process of its own: the driver is loaded once.

#include "device/cuda/cuda_backend.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace anymetal::test {
namespace {

struct Machine {
  const char* name;
  const char* driver;    ///< nullptr: the stand-in
  const char* variable;  ///< of the stand-in
  const char* value;
  const char* opening;   ///< part of what opening cuda:0 says
  const char* listing;   ///< part of why the list's row is not usable
};

const Machine kMachines[] = {
    {"no_driver", "/nowhere/libcuda.so.1", "", "", "no NVIDIA driver: /nowhere/libcuda.so.1 cannot be loaded", "install the NVIDIA driver"},
    {"not_a_driver", "libm.so.6", "", "", "libm.so.6 is too old: it has no cuInit", "update it to CUDA 11.8"},
    {"old_driver", nullptr, "STANDIN_VERSION", "11040", "supports CUDA 11.4; anymetal needs 11.8", "supports CUDA 11.4"},
    {"driver_without_gpu", nullptr, "STANDIN_INIT", "100", "no NVIDIA GPU is visible .check CUDA_VISIBLE_DEVICES", "no NVIDIA GPU is visible"},
    {"no_gpu", nullptr, "STANDIN_GPUS", "0", "this machine has 0 NVIDIA GPUs", "no NVIDIA GPU is visible"},
    {"old_gpu", nullptr, "STANDIN_CAPABILITY", "6", "compute capability 6.0 is too old: anymetal needs 7.0", "compute capability 6.0"},
};

class CudaMachine : public testing::TestWithParam<Machine> {};

void say(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  std::exit(0);
}

TEST_P(CudaMachine, SaysWhyAndWhatToDo) {
  const auto& machine = GetParam();
  setenv("ANYMETAL_CUDA_DRIVER", machine.driver != nullptr ? machine.driver : ANYMETAL_STANDIN_DRIVER, 1);
  if (*machine.variable != '\0') setenv(machine.variable, machine.value, 1);
  EXPECT_EXIT(say(device::cuda::open_device("cuda:0").error().message()), testing::ExitedWithCode(0), machine.opening);
  EXPECT_EXIT(say(device::cuda::list_devices().at(0).unusable_reason), testing::ExitedWithCode(0), machine.listing);
  if (*machine.variable != '\0') unsetenv(machine.variable);
}

TEST(CudaMachines, AGpuNewerThanLlvmKnowsGetsCodeForTheNewestItDoes) {
  setenv("ANYMETAL_CUDA_DRIVER", ANYMETAL_STANDIN_DRIVER, 1);
  setenv("STANDIN_CAPABILITY", "12", 1);
  EXPECT_EXIT(say((*device::cuda::open_device("cuda:0"))->artifact_identity()), testing::ExitedWithCode(0), "^cuda [0-9]+ sm_90 .*sm_120 ");
  EXPECT_EXIT(say(device::cuda::list_devices().at(0).usable ? "usable" : "not"), testing::ExitedWithCode(0), "^usable");
  unsetenv("STANDIN_CAPABILITY");
}

INSTANTIATE_TEST_SUITE_P(All, CudaMachine, testing::ValuesIn(kMachines), [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace anymetal::test
