// Copies and fills: what reaches the device, and what is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "runtime/fake_pipeline.hpp"

namespace anymetal::testing {
namespace {

using ::testing::HasSubstr;

struct Bench {
  std::shared_ptr<FakeBackend> backend = std::make_shared<FakeBackend>();
  Device device{backend};
  CommandEncoder encoder = *device.make_command_encoder();
  Buffer a = *device.make_buffer(64);
  Buffer b = *device.make_buffer(96);
};

TEST(Transfers, HandOverRangesInTheOrderOfTheCommands) {
  Bench bench;
  bool seen = false;
  bench.backend->on_execute = [&](const device::CommandList& list) -> Result<void> {
    seen = true;
    EXPECT_EQ(list.dispatches.size(), 3u);
    const auto& copy = list.dispatches[0];
    const auto& fill = list.dispatches[1];
    EXPECT_EQ(copy.kind, device::Dispatch::Kind::Copy);
    EXPECT_EQ(copy.argument_count, 2u);
    const auto& to = list.arguments[copy.first_argument];
    const auto& from = list.arguments[copy.first_argument + 1];
    EXPECT_EQ(to.memory->contents(), bench.b.contents());
    EXPECT_EQ(to.offset, 16u);
    EXPECT_EQ(to.length, 40u);
    EXPECT_EQ(from.memory->contents(), bench.a.contents());
    EXPECT_EQ(from.offset, 8u);
    EXPECT_EQ(from.length, 40u);
    EXPECT_EQ(copy.access(0), Access::ReadWrite);
    EXPECT_EQ(copy.access(1), Access::Read);
    EXPECT_EQ(fill.kind, device::Dispatch::Kind::Fill);
    EXPECT_EQ(fill.argument_count, 1u);
    EXPECT_EQ(fill.fill_value, std::byte{7});
    EXPECT_EQ(list.arguments[fill.first_argument].offset, 60u);
    EXPECT_EQ(list.arguments[fill.first_argument].length, 4u);
    EXPECT_EQ(list.dispatches[2].kind, device::Dispatch::Kind::Copy);
    return {};
  };
  bench.encoder.copy_buffer(bench.a, 8, bench.b, 16, 40);
  bench.encoder.fill_buffer(bench.a, 60, 4, std::byte{7});
  bench.encoder.copy_buffer(bench.a, 0, bench.a, 32, 32);
  EXPECT_EQ(bench.encoder.dispatch_count(), 3u);
  const auto done = bench.encoder.commit_and_wait();
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_TRUE(seen);
}

TEST(Transfers, OfNoBytesAreNone) {
  Bench bench;
  bench.encoder.copy_buffer(bench.a, 64, bench.b, 96, 0);
  bench.encoder.fill_buffer(bench.a, 0, 0, std::byte{1});
  EXPECT_EQ(bench.encoder.dispatch_count(), 0u);
  EXPECT_TRUE(bench.encoder.commit_and_wait());
  EXPECT_EQ(bench.backend->executions, 0);
}

TEST(Transfers, KeepTheirBuffersAlive) {
  Bench bench;
  auto state = std::weak_ptr(bench.b.state());
  bench.encoder.fill_buffer(bench.b, 0, 96, std::byte{1});
  bench.b = Buffer();
  EXPECT_FALSE(state.expired());
  EXPECT_TRUE(bench.encoder.commit_and_wait());
  EXPECT_TRUE(state.expired());
}

TEST(Transfers, TakeNoBytesLater) {
  Bench bench;
  bench.encoder.copy_buffer(bench.a, 0, bench.b, 0, 64);
  auto commands = *bench.encoder.record();
  const auto refused = commands.set_value(0, 0, 1);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("'copy' was recorded without set_bytes at index 0"));
}

struct Misuse {
  const char* name;
  std::function<void(Bench&)> spoil;
  ErrorCode code;
  const char* message;
};

constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max();

Buffer foreign() { return *Device(std::make_shared<FakeBackend>("other")).make_buffer(64); }
Buffer wrapped(Bench& bench) {
  static const std::vector<std::byte> bytes(64);
  return *bench.device.wrap_buffer(bytes, nullptr);
}

const Misuse kMisuses[] = {
    {"source_past_the_end", [](Bench& b) { b.encoder.copy_buffer(b.a, 60, b.b, 0, 5); }, ErrorCode::InvalidArgument,
     "copy: 5 bytes at offset 60 of the source, which has 64 bytes"},
    {"destination_past_the_end", [](Bench& b) { b.encoder.copy_buffer(b.b, 0, b.a, 0, 65); },
     ErrorCode::InvalidArgument, "of the destination, which has 64 bytes"},
    {"sums_that_pass_the_largest_number", [](Bench& b) { b.encoder.copy_buffer(b.a, 8, b.b, 0, kHuge); },
     ErrorCode::InvalidArgument, "18446744073709551615 bytes at offset 0 of the destination"},
    {"offset_past_the_end_of_no_bytes", [](Bench& b) { b.encoder.fill_buffer(b.a, 65, 0, {}); },
     ErrorCode::InvalidArgument, "fill: 0 bytes at offset 65"},
    {"fill_past_the_end", [](Bench& b) { b.encoder.fill_buffer(b.a, 1, 64, {}); }, ErrorCode::InvalidArgument,
     "fill: 64 bytes"},
    {"overlap", [](Bench& b) { b.encoder.copy_buffer(b.a, 0, b.a, 31, 32); }, ErrorCode::InvalidArgument,
     "32 bytes from offset 0 to offset 31 of one buffer overlap"},
    {"overlap_downwards", [](Bench& b) { b.encoder.copy_buffer(b.a, 31, b.a, 0, 32); }, ErrorCode::InvalidArgument,
     "overlap"},
    {"source_of_another_device", [](Bench& b) { b.encoder.copy_buffer(foreign(), 0, b.a, 0, 4); },
     ErrorCode::InvalidBinding, "the source belongs to other, this encoder to fake"},
    {"destination_of_another_device", [](Bench& b) { b.encoder.copy_buffer(b.a, 0, foreign(), 0, 4); },
     ErrorCode::InvalidBinding, "the destination belongs to other"},
    {"fill_of_another_device", [](Bench& b) { b.encoder.fill_buffer(foreign(), 0, 4, {}); }, ErrorCode::InvalidBinding,
     "belongs to other"},
    {"wrapped_destination", [](Bench& b) { b.encoder.copy_buffer(b.a, 0, wrapped(b), 0, 4); },
     ErrorCode::InvalidBinding, "read-only"},
    {"empty_handle", [](Bench& b) { b.encoder.copy_buffer(Buffer(), 0, b.a, 0, 0); }, ErrorCode::InvalidBinding,
     "no device made it"},
};

class TransferMisuse : public ::testing::TestWithParam<Misuse> {};

TEST_P(TransferMisuse, IsTheEncodingsErrorAndNothingRuns) {
  Bench bench;
  bench.encoder.fill_buffer(bench.b, 0, 4, std::byte{1});
  GetParam().spoil(bench);
  bench.encoder.fill_buffer(bench.b, 0, 4, std::byte{2});
  const auto done = bench.encoder.commit_and_wait();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), GetParam().code) << done.error().message();
  EXPECT_THAT(done.error().message(), HasSubstr(GetParam().message));
  EXPECT_EQ(bench.backend->executions, 0);
}

INSTANTIATE_TEST_SUITE_P(All, TransferMisuse, ::testing::ValuesIn(kMisuses),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Transfers, MayReadWrappedMemory) {
  Bench bench;
  bench.encoder.copy_buffer(wrapped(bench), 0, bench.a, 0, 64);
  EXPECT_TRUE(bench.encoder.commit_and_wait());
}

}  // namespace
}  // namespace anymetal::testing
