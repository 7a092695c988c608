// What correct use of a command encoder hands to the device.

#include "runtime/fake_pipeline.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <new>

namespace anymetal::testing {
namespace {

class Encoder : public ::testing::Test {
 protected:
  std::shared_ptr<FakeBackend> backend = std::make_shared<FakeBackend>();
  Device device{backend};
  CommandEncoder encoder = *device.make_command_encoder();
  PipelinePtr pipeline = make_pipeline(
      backend, {device_argument("in", 0, Access::Read), device_argument("out", 3), params_argument("params", 1),
                threadgroup_argument("scratch", 0)});
};

TEST_F(Encoder, HandsOverArgumentsInReflectionOrder) {
  auto in = *device.make_buffer(64);
  auto out = *device.make_buffer(96);
  bool seen = false;
  backend->on_execute = [&](const device::CommandList& list) -> Result<void> {
    seen = true;
    EXPECT_EQ(list.dispatches.size(), 1u);
    const auto& d = list.dispatches[0];
    EXPECT_EQ(d.label, "k|1:i2");
    EXPECT_EQ(d.executable, pipeline->state().executable.get());
    EXPECT_EQ(d.argument_count, 4u);
    EXPECT_EQ(d.threads, (Size{1000, 2, 1}));
    EXPECT_EQ(d.threads_per_threadgroup, (Size{256, 1, 1}));
    const auto* a = list.arguments.data() + d.first_argument;
    using Kind = device::BoundArgument::Kind;
    EXPECT_EQ(a[0].kind, Kind::Buffer);
    EXPECT_EQ(a[0].memory->contents(), in.contents());
    EXPECT_EQ(a[0].length, 64u);
    EXPECT_EQ(a[1].memory->contents(), out.contents());
    EXPECT_EQ(a[1].offset, 32u);
    EXPECT_EQ(a[1].length, 64u);
    EXPECT_EQ(a[2].kind, Kind::Bytes);
    EXPECT_EQ(a[2].length, sizeof(Params));
    Params params;
    std::memcpy(&params, list.bytes.data() + a[2].offset, sizeof params);
    EXPECT_EQ(params.columns, 5u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(list.bytes.data() + a[2].offset) % 64, 0u);
    EXPECT_EQ(a[3].kind, Kind::ThreadgroupLength);
    EXPECT_EQ(a[3].length, 512u);
    return {};
  };
  encoder.set_pipeline(pipeline);
  encoder.set_buffer(0, in);
  encoder.set_buffer(3, out, 32);
  {
    Params params{4, 5};
    encoder.set_value(1, params);
    params.columns = 99;  // the value was copied
  }
  encoder.set_threadgroup_memory_length(0, 512);
  encoder.dispatch_threads({1000, 2, 1}, {256, 1, 1});
  EXPECT_FALSE(seen) << "recording must not run";
  ASSERT_TRUE(encoder.commit_and_wait());
  EXPECT_TRUE(seen);
}

TEST_F(Encoder, BindingsStayForTheNextDispatchAndGoWithTheCommit) {
  const auto simple = make_pipeline(backend, {device_argument("out", 0)});
  backend->on_execute = [&](const device::CommandList& list) -> Result<void> {
    EXPECT_EQ(list.dispatches.size(), 2u);
    EXPECT_EQ(list.dispatches[1].threads, (Size{12, 6, 2}));
    EXPECT_EQ(list.dispatches[1].first_argument, 1u);
    return {};
  };
  encoder.set_pipeline(simple);
  encoder.set_buffer(0, *device.make_buffer(64));
  encoder.dispatch_threadgroups({1, 1, 1}, {32, 1, 1});
  encoder.memory_barrier();
  encoder.dispatch_threadgroups({3, 2, 1}, {4, 3, 2});
  ASSERT_TRUE(encoder.commit_and_wait());
  EXPECT_TRUE(encoder.commit_and_wait()) << "an empty encoder has nothing to do";
  EXPECT_EQ(backend->executions, 1);
  encoder.set_pipeline(simple);
  encoder.dispatch_threadgroups({1, 1, 1}, {1, 1, 1});
  EXPECT_EQ(encoder.commit_and_wait().error().code(), ErrorCode::InvalidBinding);
}

TEST_F(Encoder, KeepsWhatItUsesAlive) {
  auto simple = make_pipeline(backend, {device_argument("out", 0)});
  const std::weak_ptr<const ComputePipeline> seen = simple;
  encoder.set_pipeline(std::move(simple));
  encoder.set_buffer(0, *device.make_buffer(16));
  encoder.dispatch_threads({1}, {1});
  EXPECT_FALSE(seen.expired());
  ASSERT_TRUE(encoder.commit_and_wait());
  EXPECT_TRUE(seen.expired());
}

TEST_F(Encoder, AnEmptyGridRunsNothing) {
  encoder.set_pipeline(make_pipeline(backend, {device_argument("out", 0)}));
  encoder.set_buffer(0, *device.make_buffer(0));
  encoder.dispatch_threads({0, 5, 5}, {32, 1, 1});
  encoder.dispatch_threadgroups({1, 0, 1}, {32, 1, 1});
  EXPECT_TRUE(encoder.commit_and_wait());
  EXPECT_EQ(backend->executions, 0);
}

TEST_F(Encoder, InactiveArgumentsNeedNoBinding) {
  auto guarded = device_argument("mask", 2);
  guarded.active = false;
  backend->on_execute = [](const device::CommandList& list) -> Result<void> {
    EXPECT_EQ(list.arguments.at(0).kind, device::BoundArgument::Kind::Absent);
    EXPECT_EQ(list.arguments.at(1).kind, device::BoundArgument::Kind::Buffer);
    return {};
  };
  encoder.set_pipeline(make_pipeline(backend, {guarded, device_argument("out", 0)}));
  encoder.set_buffer(0, *device.make_buffer(16));
  encoder.dispatch_threads({1}, {1});
  EXPECT_TRUE(encoder.commit_and_wait());
}

TEST_F(Encoder, TheDevicesErrorPassesThrough) {
  backend->on_execute = [](const device::CommandList&) -> Result<void> { return fail(ErrorCode::DeviceLost, "gone"); };
  encoder.set_pipeline(make_pipeline(backend, {}));
  encoder.dispatch_threads({1}, {1});
  EXPECT_EQ(encoder.commit_and_wait().error().code(), ErrorCode::DeviceLost);
}

TEST_F(Encoder, ADeviceThatFindsNoMemoryIsAnErrorOfTheCommit) {
  const auto buffer = *device.make_buffer(64);
  backend->on_execute = [](const device::CommandList&) -> Result<void> { throw std::bad_alloc(); };
  const auto fill = [&] { encoder.fill_buffer(buffer, 0, 64, std::byte{1}); };
  fill();
  const auto done = encoder.commit_and_wait();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::OutOfMemory);
  EXPECT_EQ(done.error().message(), "no memory left to run the commands");
  fill();
  EXPECT_EQ(encoder.commit().error().code(), ErrorCode::OutOfMemory);
  fill();
  auto recorded = encoder.record();
  ASSERT_TRUE(recorded);
  EXPECT_EQ(recorded->commit_and_wait().error().code(), ErrorCode::OutOfMemory);
  backend->on_execute = {};
  fill();
  EXPECT_TRUE(encoder.commit_and_wait());
}

}  // namespace
}  // namespace anymetal::testing
