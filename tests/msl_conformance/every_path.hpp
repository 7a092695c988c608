#pragma once
// Runs a program on each way the CPU device has for it, and lowers it for an NVIDIA GPU.
#include "device/cpu/cpu_backend.hpp"
#include "styles.hpp"

namespace msl_conformance {

/// Vectors: the fastest way there is, held against the kernel. Threads: none of simdgroups as vectors, none of
/// threadgroups as one thread.
enum class Path : std::uint8_t { Vectors, Threads };

class EveryPath : public Styles, public testing::WithParamInterface<Path> {
 protected:
  anymetal::Result<anymetal::Device> open_device() override {
    if (!anymetal::test::shares_host_addresses()) return anymetal::test::test_device();
    const bool vectors = GetParam() == Path::Vectors;
    auto backend = anymetal::device::cpu::make_cpu_backend({.lanes = vectors, .variants = vectors, .verify = vectors});
    if (!backend) return std::unexpected(backend.error());
    return anymetal::Device(*backend);
  }
  void compiled(anymetal::KernelRegistry& registry, const std::string& entry,
                const std::vector<anymetal::FunctionConstant>& constants) override {
    if (GetParam() != Path::Vectors) return;
    const auto nvidia = anymetal::Device::open("cuda:sm_90");
    ASSERT_TRUE(nvidia) << nvidia.error().message();
    const auto lowered = registry.get_pipeline_with_constants(entry, *nvidia, constants);
    EXPECT_TRUE(lowered) << lowered.error().message();
  }
};

inline std::string path_name(const testing::TestParamInfo<Path>& info) {
  return info.param == Path::Vectors ? "vectors" : "threads";
}

}  // namespace msl_conformance
