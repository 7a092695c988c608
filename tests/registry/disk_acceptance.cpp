// A kernel kept on disk by one registry runs in another that never compiled.

#include <anymetal/anymetal.hpp>

#include "cache/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <span>

namespace anymetal {
namespace {

constexpr const char* kSource = R"(
#include <metal_stdlib>
using namespace metal;
constant int N [[function_constant(100)]];
kernel void scaled_sum(device float* out [[buffer(0)]], const device float* in [[buffer(1)]],
                       threadgroup float* scratch [[threadgroup(0)]], uint tid [[thread_position_in_threadgroup]]) {
  scratch[tid] = in[tid];
  threadgroup_barrier(mem_flags::mem_threadgroup);
  float sum = 0;
  for (uint i = 0; i < 64; ++i) sum += scratch[i];
  out[tid] = sum * float(N);
}
)";

float run(Device& device, const PipelinePtr& pipeline) {
  auto in = device.make_buffer(64 * sizeof(float)).value();
  auto out = device.make_buffer(64 * sizeof(float)).value();
  float values[64];
  for (float& value : values) value = 0.5f;
  EXPECT_TRUE(in.write(std::as_bytes(std::span(values))));
  auto encoder = device.make_command_encoder().value();
  encoder.set_pipeline(pipeline);
  encoder.set_buffer(0, out);
  encoder.set_buffer(1, in);
  encoder.set_threadgroup_memory_length(0, 256);
  encoder.dispatch_threadgroups({1}, {64});
  const auto done = encoder.commit_and_wait();
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_TRUE(out.read(std::as_writable_bytes(std::span(values))));
  return values[63];
}

TEST(DiskCache, ASecondRegistryRunsWhatTheFirstCompiled) {
  const anymetal::testing::TemporaryDirectory root;
  auto device = Device::open("cpu").value();
  const DiskCacheOptions options{.directory = (root.path() / "cache").string()};
  for (int round = 0; round < 2; ++round) {
    KernelRegistry registry(options);
    registry.register_source("scaled_sum", kSource);
    const auto pipeline = registry.get_pipeline_with_constants("scaled_sum", device, {}, {{100, 3}});
    ASSERT_TRUE(pipeline) << pipeline.error().message();
    EXPECT_EQ(run(device, *pipeline), 96.0f);
    const auto statistics = registry.statistics();
    EXPECT_EQ(statistics.compiles, round == 0 ? 1u : 0u);
    EXPECT_EQ(statistics.source_parses, round == 0 ? 1u : 0u);
    EXPECT_EQ(statistics.disk_hits, round == 0 ? 0u : 1u);
  }
  KernelRegistry registry(options);
  registry.register_source("scaled_sum", kSource);
  const auto other = registry.get_pipeline_with_constants("scaled_sum", device, {}, {{100, 5}});
  ASSERT_TRUE(other) << other.error().message();
  EXPECT_EQ(run(device, *other), 160.0f);
  EXPECT_EQ(registry.statistics().source_parses, 0u) << "the entry's bitcode is kept";
}

TEST(DiskCache, KnowsTheFilesOfIncludeDirectories) {
  const anymetal::testing::TemporaryDirectory root;
  auto device = Device::open("cpu").value();
  const DiskCacheOptions cache{.directory = (root.path() / "cache").string()};
  for (const char* name : {"first", "second"}) std::filesystem::create_directory(root.path() / name);
  SourceOptions options;
  options.include_directories = {(root.path() / "first").string(), (root.path() / "second").string()};
  const std::string text = "#include <parts/factor.h>\n#if __has_include(\"more.h\")\n#include \"more.h\"\n#endif\n" + std::string(kSource);
  const auto result = [&](std::size_t parses) {
    KernelRegistry registry(cache);
    registry.register_source("scaled_sum", text, options);
    const auto pipeline = registry.get_pipeline_with_constants("scaled_sum", device, {}, {{100, 3}});
    EXPECT_TRUE(pipeline) << (pipeline ? "" : pipeline.error().message());
    EXPECT_EQ(registry.statistics().source_parses, parses);
    EXPECT_EQ(registry.statistics().compiles, parses);
    return pipeline ? run(device, *pipeline) : 0.0f;
  };
  const auto write = [&](const char* name, const char* content) {
    const auto path = root.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << content;
  };
  write("second/parts/factor.h", "#include \"inner.h\"\n");
  write("second/parts/inner.h", "#define float(x) (2.0f * (x))\n");
  EXPECT_EQ(result(1), 192.0f);
  EXPECT_EQ(result(0), 192.0f);
  write("second/parts/inner.h", "#define float(x) (3.0f * (x))\n");
  EXPECT_EQ(result(1), 288.0f);
  EXPECT_EQ(result(0), 288.0f);
  write("first/parts/factor.h", "#define float(x) (4.0f * (x))\n");
  EXPECT_EQ(result(1), 384.0f) << "now found in an earlier directory";
  write("second/more.h", "#undef float\n");
  EXPECT_EQ(result(1), 96.0f) << "a file that __has_include asks for";
  EXPECT_EQ(result(0), 96.0f);
}

TEST(DiskCache, CanBeTurnedOff) {
  const anymetal::testing::TemporaryDirectory root;
  auto device = Device::open("cpu").value();
  KernelRegistry registry(DiskCacheOptions{.enabled = false, .directory = (root.path() / "cache").string()});
  registry.register_source("scaled_sum", kSource);
  ASSERT_TRUE(registry.get_pipeline_with_constants("scaled_sum", device, {}, {{100, 3}}));
  EXPECT_FALSE(std::filesystem::exists(root.path() / "cache"));
}

}  // namespace
}  // namespace anymetal
