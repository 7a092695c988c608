// Work that is committed without waiting, and commands recorded for repeated runs, on a device that has only plain execution.

#include "runtime/fake_pipeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace anymetal::testing {
namespace {

using ::testing::HasSubstr;

class Recorded : public ::testing::Test {
 protected:
  void SetUp() override {
    backend->on_execute = [this](const device::CommandList& list) -> Result<void> {
      rows.clear();
      for (const auto& dispatch : list.dispatches) {
        Params params{};
        std::memcpy(&params, list.bytes.data() + list.arguments[dispatch.first_argument + 1].offset, sizeof params);
        rows.push_back(params.rows);
      }
      return {};
    };
    encoder.set_pipeline(pipeline);
    encoder.set_buffer(0, out);
    encoder.set_value(1, Params{1, 0});
    dispatch();
  }
  void dispatch() { encoder.dispatch_threads({100}, {32}); }

  std::shared_ptr<FakeBackend> backend = std::make_shared<FakeBackend>();
  Device device{backend};
  CommandEncoder encoder = *device.make_command_encoder();
  PipelinePtr pipeline = make_pipeline(backend, {device_argument("out", 0), params_argument("params", 1)});
  Buffer out = *device.make_buffer(64);
  std::vector<std::uint32_t> rows;  ///< first parameter of each dispatch of the last execution
};

TEST_F(Recorded, RunsAsOftenAsCommitted) {
  auto commands = encoder.record();
  ASSERT_TRUE(commands);
  EXPECT_EQ(backend->executions, 0) << "recording runs nothing";
  EXPECT_EQ(commands->size(), 1u);
  EXPECT_EQ(encoder.dispatch_count(), 0u);
  ASSERT_TRUE(commands->commit_and_wait());
  auto running = commands->commit();
  ASSERT_TRUE(running);
  EXPECT_TRUE(running->wait());
  EXPECT_TRUE(running->is_complete());
  EXPECT_EQ(backend->executions, 2);
}

TEST_F(Recorded, ChangedBytesReachTheirDispatchAlone) {
  dispatch();  // with the binding of the first
  EXPECT_EQ(encoder.dispatch_count(), 2u);
  auto commands = *encoder.record();
  ASSERT_TRUE(commands.set_value(1, 1, Params{7, 0}));
  ASSERT_TRUE(commands.commit_and_wait());
  EXPECT_EQ(rows, (std::vector<std::uint32_t>{1, 7}));
}

TEST_F(Recorded, WrongChangesSayWhatIsWrong) {
  auto commands = *encoder.record();
  const auto message = [&](std::size_t dispatch, unsigned index, std::size_t size) {
    const std::vector<std::byte> bytes(size);
    const auto done = commands.set_bytes(dispatch, index, bytes);
    if (done) return std::string();
    EXPECT_EQ(done.error().code(), ErrorCode::InvalidBinding);
    return done.error().message();
  };
  EXPECT_THAT(message(1, 1, sizeof(Params)), HasSubstr("there is no dispatch 1, 1 are recorded"));
  EXPECT_THAT(message(0, 0, sizeof(Params)), HasSubstr("recorded without set_bytes at index 0"));
  EXPECT_THAT(message(0, 1, 4), HasSubstr("4 bytes given, 8 were recorded"));
}

TEST_F(Recorded, ReplacesAllAndKeepsTheOldOnAMistake) {
  auto commands = *encoder.record();
  dispatch();  // without a pipeline
  const auto refused = commands.replace(encoder);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::InvalidDispatch);
  EXPECT_EQ(commands.size(), 1u);
  encoder.set_pipeline(pipeline);
  encoder.set_buffer(0, out);
  for (std::uint32_t i = 5; i < 8; ++i) {
    encoder.set_value(1, Params{i, 0});
    dispatch();
  }
  ASSERT_TRUE(commands.replace(encoder));
  ASSERT_TRUE(commands.commit_and_wait());
  EXPECT_EQ(rows, (std::vector<std::uint32_t>{5, 6, 7}));
}

TEST_F(Recorded, AMistakeIsTheValueOfCommitAndOfRecord) {
  encoder.set_buffer(31, out);
  EXPECT_EQ(encoder.commit().error().code(), ErrorCode::InvalidBinding);
  encoder.set_buffer(31, out);
  EXPECT_EQ(encoder.record().error().code(), ErrorCode::InvalidBinding);
  EXPECT_EQ(backend->executions, 0);
  auto nothing = encoder.commit();
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->wait());
}

TEST_F(Recorded, ReadsWithoutWaiting) {
  const std::array<std::byte, 2> in{std::byte{3}, std::byte{4}};
  ASSERT_TRUE(out.write(in, 8));
  std::array<std::byte, 2> bytes{};
  auto reading = out.read_async(bytes, 8);
  ASSERT_TRUE(reading);
  ASSERT_TRUE(reading->wait());
  EXPECT_EQ(bytes, in);
  EXPECT_EQ(out.read_async(bytes, 63).error().code(), ErrorCode::InvalidArgument);
}

}  // namespace
}  // namespace anymetal::testing
