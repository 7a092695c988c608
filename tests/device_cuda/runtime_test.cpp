// The NVIDIA runtime over the stand-in driver: what it calls, what it releases, what each failure becomes.

#include "ptx_support.hpp"
#include "standin_support.hpp"

#include "cache/temporary_directory.hpp"
#include "device/cuda/cuda_backend.hpp"

#include <anymetal/anymetal.hpp>

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace anymetal::test {
namespace {

using ::testing::HasSubstr;

class CudaRuntime : public ::testing::Test {
 protected:
  void SetUp() override {
    (void)Standin::get();
    auto opened = device::cuda::open_device("cuda:0");
    ASSERT_TRUE(opened) << opened.error().message();
    backend_ = *opened;
  }
  void fail_call(const char* function, int result, int after = 0) { Standin::get().fail_call(function, result, after); }
  static StandinState state() { return Standin::get().state(); }

  std::shared_ptr<const device::Executable> load_kernel(const char* ir = "define void @k(ptr %a, ptr %b) {\n ret void\n}") {
    auto artifact = backend_->compile(kernel_from_ir(ir, {ArgumentKind::Buffer, ArgumentKind::Threadgroup}), "k");
    EXPECT_TRUE(artifact) << artifact.error().message();
    if (!artifact) return nullptr;
    auto loaded = backend_->load(*artifact, "k");
    EXPECT_TRUE(loaded) << loaded.error().message();
    return loaded ? *loaded : nullptr;
  }
  Result<void> run(const device::Executable& kernel, device::Memory& memory, Size threads, Size group) {
    device::CommandList list;
    list.arguments = {{device::BoundArgument::Kind::Buffer, &memory, 16, memory.size() - 16},
                      {device::BoundArgument::Kind::ThreadgroupLength, nullptr, 0, 48}};
    list.dispatches = {{&kernel, "k", 0, 2, group, threads}};
    return backend_->execute(list);
  }

  std::shared_ptr<device::Backend> backend_;
};

TEST_F(CudaRuntime, CopiesGoThereAndBackAndFreedMemoryIsUsedAgain) {
  const auto before = state();
  {
    auto memory = backend_->allocate(100);
    ASSERT_TRUE(memory) << memory.error().message();
    std::array<std::byte, 4> in{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    std::array<std::byte, 8> out{};
    ASSERT_TRUE((*memory)->write(in, 40));
    ASSERT_TRUE((*memory)->read(out, 38));
    EXPECT_EQ(out, (std::array<std::byte, 8>{std::byte{0}, std::byte{0}, std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}}));
    EXPECT_EQ((*memory)->contents(), nullptr);
    EXPECT_EQ(state().device_allocations, before.device_allocations + 1);
  }
  auto again = backend_->allocate(100);
  ASSERT_TRUE(again);
  EXPECT_EQ(state().device_allocations, before.device_allocations + 1);
  std::array<std::byte, 100> cleared{};
  ASSERT_TRUE((*again)->read(cleared, 0));
  EXPECT_EQ(cleared, (std::array<std::byte, 100>{})) << "memory that was used before is cleared, too";
  EXPECT_EQ(state().context_depth, 0);
}

TEST_F(CudaRuntime, LaunchCarriesGridGroupSharedMemoryAndArguments) {
  const auto kernel = load_kernel();
  ASSERT_NE(kernel, nullptr);
  EXPECT_EQ(kernel->max_total_threads_per_threadgroup(), 640U);
  auto memory = *backend_->allocate(64);
  ASSERT_TRUE(run(*kernel, *memory, {1000, 2, 1}, {256, 1, 1}));
  const auto launch = state().last_launch;
  EXPECT_EQ(launch.grid[0], 4U);
  EXPECT_EQ(launch.grid[1], 2U);
  EXPECT_EQ(launch.block[0], 256U);
  EXPECT_EQ(launch.shared, 48U);
  EXPECT_EQ(state().links, 0);
  EXPECT_EQ(state().modules, 1);
}

TEST_F(CudaRuntime, ThreadgroupsThatDoNothingAreNotLaunched) {
  const auto kernel = load_kernel(R"(
declare void @__msl_take_every_threadgroup(i32, i32, i32) nounwind
define void @k(ptr %a, ptr %b) {
  call void @__msl_take_every_threadgroup(i32 4, i32 2, i32 1)
  ret void
})");
  ASSERT_TRUE(kernel);
  auto memory = backend_->allocate(1024);
  ASSERT_TRUE(memory) << memory.error().message();
  for (const auto& [threads, groups] : {std::pair{1U, 1U}, {512U, 2U}, {513U, 3U}, {1024U, 4U}}) {  // in threadgroups of 64
    ASSERT_TRUE(run(*kernel, **memory, {threads, 3, 1}, {64, 1, 1}));
    EXPECT_EQ(state().last_launch.grid[0], groups) << threads;
    EXPECT_EQ(state().last_launch.grid[1], 2U);
    EXPECT_EQ(state().last_launch.block[0], 64U);
  }
}

TEST_F(CudaRuntime, ThreadgroupsAreMergedWhereThereAreMany) {
  const auto kernel = load_kernel(R"(
declare void @__msl_merge_threadgroups(i32, i32, i32, i32) nounwind
define void @k(ptr %a, ptr %b) {
  call void @__msl_merge_threadgroups(i32 4, i32 2, i32 2, i32 4)
  ret void
})");
  ASSERT_TRUE(kernel);
  auto memory = backend_->allocate(1024);
  ASSERT_TRUE(memory) << memory.error().message();
  ASSERT_TRUE(run(*kernel, **memory, {64 * 5, 3, 1}, {64, 1, 1}));
  EXPECT_EQ(state().last_launch.grid[0], 2U);
  EXPECT_EQ(state().last_launch.grid[1], 2U);
  EXPECT_EQ(state().last_launch.block[0], 128U);
  ASSERT_TRUE(run(*kernel, **memory, {64 * 5, 2, 1}, {64, 1, 1}));
  EXPECT_EQ(state().last_launch.grid[0], 5U);
  EXPECT_EQ(state().last_launch.grid[1], 2U);
  EXPECT_EQ(state().last_launch.block[0], 64U);
}

TEST_F(CudaRuntime, OutOfMemoryIsAnErrorAndTheDeviceStaysUsable) {
  fail_call("cuMemAlloc", 2);
  auto refused = backend_->allocate(1 << 20);
  fail_call("cuMemAlloc", 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::OutOfMemory);
  EXPECT_THAT(refused.error().message(), HasSubstr("1048576 bytes"));
  EXPECT_TRUE(backend_->allocate(16));
}

TEST_F(CudaRuntime, DriverLogOfARefusedKernelIsAnError) {
  for (const char* call : {"cuLinkCreate", "cuLinkAddData", "cuLinkComplete"}) {
    fail_call(call, 218);
    auto artifact = backend_->compile(kernel_from_ir("define void @k() {\n ret void\n}", {}), "named");
    fail_call(call, 0);
    ASSERT_FALSE(artifact) << call;
    EXPECT_EQ(artifact.error().code(), ErrorCode::ShaderCompilationError);
    EXPECT_THAT(artifact.error().message(), HasSubstr("named"));
    EXPECT_EQ(state().links, 0) << call;
  }
}

TEST_F(CudaRuntime, FailedLoadLeavesNothingBehind) {
  const auto modules = state().modules;
  device::Artifact artifact;
  artifact.code = "cubin";
  artifact.symbol = "k";
  fail_call("cuModuleGetFunction", 500);
  EXPECT_FALSE(backend_->load(artifact, "k"));
  fail_call("cuModuleGetFunction", 0);
  fail_call("cuModuleLoadDataEx", 222);
  auto refused = backend_->load(artifact, "k");
  fail_call("cuModuleLoadDataEx", 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::UnsupportedByDevice);
  EXPECT_THAT(refused.error().message(), HasSubstr("driver"));
  EXPECT_EQ(state().modules, modules);
}

TEST_F(CudaRuntime, TheFormThatTakesConstantsByAddressIsMadeOnceForAllProcesses) {
  const anymetal::testing::TemporaryDirectory root;
  const auto device = *Device::open("cuda:0");
  // What a process counts that binds a buffer where the kernel has a constant, and for which loading that form ends with `result`.
  constexpr int kSuccess = 0;
  constexpr int kOutOfMemory = 2;
  constexpr int kInvalidImage = 200;  // as of another version's cubin
  const auto statistics_of_a_process = [&](int result) {
    KernelRegistry registry(DiskCacheOptions{.directory = (root.path() / "cache").string()});
    registry.register_source("k", R"(#include <metal_stdlib>
kernel void k(device uint* x [[buffer(0)]], constant uint& step [[buffer(1)]], uint i [[thread_position_in_grid]]) { x[i] += step; })");
    const auto pipeline = registry.get_pipeline("k", device);
    EXPECT_TRUE(pipeline) << pipeline.error().message();
    const auto buffer = *Device(device).make_buffer(64);
    auto encoder = *Device(device).make_command_encoder();
    encoder.set_pipeline(*pipeline);
    encoder.set_buffer(0, buffer);
    encoder.set_buffer(1, buffer);
    encoder.dispatch_threads({4}, {4});
    fail_call("cuModuleLoadDataEx", result, 0);
    (void)encoder.commit_and_wait();
    fail_call("cuModuleLoadDataEx", 0);
    return registry.statistics();
  };
  EXPECT_EQ(statistics_of_a_process(kSuccess).disk_writes, 3U) << "the kernel, its code, and the other form of it";
  EXPECT_EQ(statistics_of_a_process(kOutOfMemory).disk_corrupt, 0U) << "the GPU's memory is full: what is kept stays";
  auto again = statistics_of_a_process(kSuccess);
  EXPECT_EQ(again.disk_writes, 0U);
  EXPECT_EQ(again.disk_misses, 0U);
  EXPECT_EQ(statistics_of_a_process(kInvalidImage).disk_corrupt, 1U) << "what cannot be loaded is thrown away";
  again = statistics_of_a_process(kSuccess);
  EXPECT_EQ(again.disk_writes, 1U);
  EXPECT_EQ(again.disk_misses, 1U);
}

TEST_F(CudaRuntime, TheFormThatTakesConstantsByAddressLaunchesAsFewThreadgroups) {
  Device device(backend_);
  KernelRegistry registry(DiskCacheOptions{.enabled = false});
  registry.register_source("k", R"(#include <metal_stdlib>
#include <anymetal_nvidia>
kernel void k(device uint* x [[buffer(0)]], constant uint& n [[buffer(1)]], uint g [[threadgroup_position_in_grid]]) {
  nvidia::take_every_threadgroup<4>();
  x[g] = n;
})");
  const auto pipeline = registry.get_pipeline("k", device);
  ASSERT_TRUE(pipeline) << pipeline.error().message();
  const auto buffer = *device.make_buffer(1024);
  auto encoder = *device.make_command_encoder();
  for (const bool by_address : {false, true}) {
    encoder.set_pipeline(*pipeline);
    encoder.set_buffer(0, buffer);
    const std::uint32_t n = 7;
    if (by_address) encoder.set_buffer(1, buffer);
    if (!by_address) encoder.set_bytes(1, std::as_bytes(std::span(&n, 1)));
    encoder.dispatch_threads({513}, {64});
    const auto done = encoder.commit_and_wait();
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(state().last_launch.grid[0], 3U) << by_address;
  }
}

TEST_F(CudaRuntime, MoreThanTheGpuHasIsAnError) {
  Device device(backend_);
  KernelRegistry registry(DiskCacheOptions{.enabled = false});
  registry.register_source("large", R"(#include <metal_stdlib>
kernel void large(device uint* x [[buffer(0)]], uint i [[thread_position_in_grid]]) {
  threadgroup uint all[60000];
  all[i] = x[i];
  threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  x[i] = all[i ^ 1];
})");
  const auto large = registry.get_pipeline("large", device);
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message(), HasSubstr("needs 240000 bytes of threadgroup memory, limit 232448"));

  registry.register_source("shared", R"(#include <metal_stdlib>
kernel void shared(device uint* x [[buffer(0)]], threadgroup uint* all [[threadgroup(0)]], uint i [[thread_position_in_grid]]) {
  all[i] = x[i];
  x[i] = all[i];
})");
  const auto pipeline = registry.get_pipeline("shared", device);
  ASSERT_TRUE(pipeline) << pipeline.error().message();
  const auto buffer = *device.make_buffer(4096);
  auto encoder = *device.make_command_encoder();
  const auto refused_for = [&](std::size_t shared, std::size_t threads) {
    encoder.set_pipeline(*pipeline);
    encoder.set_buffer(0, buffer);
    encoder.set_threadgroup_memory_length(0, shared);
    encoder.dispatch_threads({threads}, {threads});
    const auto done = encoder.commit_and_wait();
    return done ? std::string() : done.error().message();
  };
  EXPECT_THAT(refused_for(232464, 32), HasSubstr("needs more threadgroup memory than the device has"));
  EXPECT_THAT(refused_for(1024, 704), HasSubstr("a threadgroup of 704x1x1 threads is above the limit of 640"));
  EXPECT_EQ(refused_for(232448, 640), "");
}

TEST_F(CudaRuntime, MuchThreadgroupMemoryIsAskedForAtLaunch) {
  Device device(backend_);
  KernelRegistry registry(DiskCacheOptions{.enabled = false});
  for (const char* kind : {"uint", "uchar"}) {
    registry.register_source(fmt::format("with_{}", kind), fmt::format(R"(#include <metal_stdlib>
kernel void with_{0}(device uint* x [[buffer(0)]], device uint* y [[buffer(1)]], threadgroup uint* more [[threadgroup(0)]], uint i [[thread_position_in_grid]]) {{
  threadgroup {0} all[24577];
  all[i] = x[i];
  more[i] = y[i];
  threadgroup_barrier(metal::mem_flags::mem_threadgroup);
  x[i] = all[i ^ 1] + more[i ^ 1];
}})", kind));
    const auto pipeline = registry.get_pipeline(fmt::format("with_{}", kind), device);
    ASSERT_TRUE(pipeline) << pipeline.error().message();
    const auto buffer = *device.make_buffer(4096);
    auto encoder = *device.make_command_encoder();
    encoder.set_pipeline(*pipeline);
    encoder.set_buffer(0, buffer);
    encoder.set_buffer(1, buffer);
    encoder.set_threadgroup_memory_length(0, 256);
    encoder.dispatch_threads({32}, {32});
    ASSERT_TRUE(encoder.commit_and_wait());
    const bool much = std::string_view(kind) == "uint";
    EXPECT_EQ((*pipeline)->static_threadgroup_memory_length(), much ? 98308U : 24577U);
    EXPECT_EQ(state().last_launch.shared, much ? 98320U + 256U : 256U);
    encoder.set_pipeline(*pipeline);
    encoder.set_buffer(0, buffer);
    encoder.set_buffer(1, buffer);
    encoder.set_threadgroup_memory_length(0, 232448 - 98304);
    encoder.dispatch_threads({32}, {32});
    EXPECT_EQ(encoder.commit_and_wait().has_value(), !much);
  }
}

TEST_F(CudaRuntime, MissingGpuSaysWhatThereIs) {
  auto missing = device::cuda::open_device("cuda:7");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::DeviceNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr("1 NVIDIA GPU"));
  const auto old = device::cuda::open_device("cuda:sm_60");
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code(), ErrorCode::UnsupportedByDevice);
  EXPECT_THAT(old.error().message(), HasSubstr("compute capability 6.0 is too old: anymetal needs 7.0"));
  for (const char* id : {"cuda:", "cuda:x", "cuda:-1", "cuda:1x"}) {
    EXPECT_EQ(device::cuda::open_device(id).error().code(), ErrorCode::DeviceNotFound) << id;
  }
}

TEST_F(CudaRuntime, AGpuThatCannotBeOpenedIsListedWithTheReason) {
  fail_call("cuDeviceGet", 101);
  const auto devices = device::cuda::list_devices();
  fail_call("cuDeviceGet", 0);
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0].id, "cuda:0");
  EXPECT_FALSE(devices[0].usable);
  EXPECT_THAT(devices[0].unusable_reason, HasSubstr("opening the GPU"));
}

TEST_F(CudaRuntime, CompileOnlyDeviceCompilesAndRefusesToRun) {
  auto compiler = device::cuda::open_device("cuda:sm_80");
  ASSERT_TRUE(compiler) << compiler.error().message();
  auto artifact = (*compiler)->compile(kernel_from_ir("define void @k() {\n ret void\n}", {}), "k");
  ASSERT_TRUE(artifact) << artifact.error().message();
  EXPECT_THAT(artifact->code, HasSubstr(".target sm_80"));
  EXPECT_EQ((*compiler)->allocate(16).error().code(), ErrorCode::UnsupportedByDevice);
}

// Last: a sticky fault ends the device for the process.
TEST_F(CudaRuntime, ZStickyFaultNamesTheKernelOnceAndThenRefuses) {
  const auto kernel = load_kernel();
  ASSERT_NE(kernel, nullptr);
  auto memory = *backend_->allocate(64);
  fail_call("cuEventSynchronize", 700);
  auto fault = run(*kernel, *memory, {32, 1, 1}, {32, 1, 1});
  fail_call("cuEventSynchronize", 0);
  ASSERT_FALSE(fault);
  EXPECT_EQ(fault.error().code(), ErrorCode::DeviceLost);
  EXPECT_THAT(fault.error().message(), HasSubstr("kernel 'k'"));
  const auto launches = state().launches;
  auto refused = run(*kernel, *memory, {32, 1, 1}, {32, 1, 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::DeviceLost);
  EXPECT_THAT(refused.error().message(), HasSubstr("earlier fault"));
  EXPECT_EQ(state().launches, launches);
  EXPECT_EQ(backend_->allocate(16).error().code(), ErrorCode::DeviceLost);
}

}  // namespace
}  // namespace anymetal::test
