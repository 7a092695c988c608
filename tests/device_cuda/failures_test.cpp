// Every driver call fails once, at every place it is made: an error comes of it, nothing hangs, and all is released.

#include "standin_support.hpp"

namespace anymetal::test {
namespace {

using device::cuda::DeviceMemory;
using device::cuda::Executor;
using device::cuda::GraphReplay;

/// Opens a GPU and uses every part of the runtime once. The first error.
Result<void> whole_life() {
  auto context = open_context();
  if (!context) return std::unexpected(context.error());
  Executor executor(*context);
  auto a = DeviceMemory::allocate(*context, (3 << 20) / 2);
  if (!a) return std::unexpected(a.error());
  auto b = DeviceMemory::allocate(*context, (3 << 20) / 2);
  if (!b) return std::unexpected(b.error());
  std::vector<std::byte> bytes((*a)->size(), std::byte{1});
  if (auto done = (*a)->write(bytes, 0); !done) return done;
  auto pointer = buffer_argument(Access::Read);
  auto kernel = load_kernel(*context, {buffer_argument(Access::ReadWrite), pointer});
  if (!kernel) return std::unexpected(kernel.error());
  std::size_t copied = 64;
  const auto commands = [&] {
    ListBuilder builder;
    builder.dispatch(*kernel, {builder.memory(*a), builder.bytes(std::uint64_t{5})});
    builder.dispatch(*kernel, {builder.memory(*b), builder.bytes(std::uint64_t{6})});
    builder.dispatch(*kernel, {builder.memory(*a), builder.memory(*b)});
    builder.copy(*b, *a, copied);
    builder.fill(*a, 128, std::byte{3});
    return std::move(builder.list);
  };
  if (auto done = executor.run(commands()); !done) return done;
  auto work = executor.submit(commands());
  if (!work) return std::unexpected(work.error());
  GraphReplay replay(executor);
  if (auto done = replay.replace(commands()); !done) return done;
  for (std::uint64_t i = 0; i < 2; ++i) {
    auto run = replay.submit();
    if (!run) return std::unexpected(run.error());
    copied += 64;
    auto other = commands();
    other.dispatches.back().fill_value = std::byte{4};
    other.dispatches[0].threads.x = 32;
    if (auto done = replay.replace(std::move(other)); !done) return done;
  }
  ListBuilder chain;
  for (int i = 0; i < 28; ++i) chain.dispatch(*kernel, {chain.memory(*a), chain.memory(*b)});
  if (auto done = executor.run(chain.list); !done) return done;
  auto reading = (*b)->read_later(bytes, 0);
  if (!reading) return std::unexpected(reading.error());
  if (auto done = (*reading)->wait(); !done) return done;
  if (auto done = (*a)->read(bytes, 0); !done) return done;
  return (*work)->wait();
}

void expect_nothing_left(const StandinState& state, const StandinState& before, const std::string& where) {
  EXPECT_EQ(state.device_allocations, before.device_allocations) << where;
  EXPECT_EQ(state.host_allocations, before.host_allocations) << where;
  EXPECT_EQ(state.contexts, before.contexts) << where;
  EXPECT_EQ(state.streams, before.streams) << where;
  EXPECT_EQ(state.events, before.events) << where;
  EXPECT_EQ(state.modules, before.modules) << where;
  EXPECT_EQ(state.graphs, before.graphs) << where;
  EXPECT_EQ(state.graph_executables, before.graph_executables) << where;
  EXPECT_EQ(state.context_depth, 0) << where;
}

TEST(CudaFailures, WithoutOneEverythingWorksAndIsReleased) {
  const auto before = Standin::get().state();
  const auto lived = whole_life();
  ASSERT_TRUE(lived) << lived.error().message();
  expect_nothing_left(Standin::get().state(), before, "after a whole life");
}

class EveryCall : public testing::TestWithParam<const char*> {};

TEST_P(EveryCall, FailsOnceAndNothingIsLost) {
  const auto& standin = Standin::get();
  const auto before = standin.state();
  int failed = 0;
  bool reached = true;
  for (int after = 0; reached; ++after) {
    reached = false;
    for (const int result : {1 /* invalid value */, 2 /* out of memory */, 700 /* illegal address */}) {
      const std::string where = std::string(GetParam()) + " call " + std::to_string(after) + " result " + std::to_string(result);
      standin.fail_call(GetParam(), result, after);
      const auto lived = whole_life();
      standin.fail_call(GetParam(), 0);
      expect_nothing_left(standin.state(), before, where);
      failed += lived ? 0 : 1;
      reached = reached || !lived;
      if (!lived && result == 700) {
        EXPECT_EQ(lived.error().code(), ErrorCode::DeviceLost) << where << ": " << lived.error().message();
      }
    }
  }
  EXPECT_GT(failed, 0) << "the call is never made, or its failure never seen";
}

INSTANTIATE_TEST_SUITE_P(Driver, EveryCall,
                         testing::Values("cuDevicePrimaryCtxRetain", "cuStreamCreate", "cuEventCreate", "cuEventRecord",
                                         "cuEventSynchronize", "cuEventQuery", "cuStreamWaitEvent", "cuMemAlloc", "cuMemAllocHost",
                                         "cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync", "cuMemcpyDtoDAsync", "cuMemsetD8Async", "cuModuleLoadDataEx",
                                         "cuModuleGetFunction", "cuLaunchKernel", "cuGraphCreate", "cuGraphAddKernelNode", "cuGraphAddDependencies_v2",
                                         "cuGraphInstantiateWithFlags",
                                         "cuGraphExecKernelNodeSetParams", "cuGraphAddMemcpyNode", "cuGraphAddMemsetNode",
                                         "cuGraphExecMemcpyNodeSetParams", "cuGraphExecMemsetNodeSetParams", "cuGraphLaunch"),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace anymetal::test
