#include "support/fake_device.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace anymetal::testing {
namespace {

std::vector<std::byte> bytes(std::size_t count, int value = 7) { return std::vector<std::byte>(count, std::byte(value)); }

TEST(Buffers, ReadAndWriteStayInside) {
  Device device(std::make_shared<FakeBackend>());
  auto buffer = *device.make_buffer(16);
  constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max();
  const struct {
    std::size_t count, offset;
    bool ok;
  } kCases[] = {{16, 0, true}, {0, 16, true}, {1, 15, true},  {1, 16, false},         {17, 0, false},
                {0, 17, false}, {8, 9, false}, {0, 0, true}, {4, kHuge - 1, false}, {16, kHuge - 15, false}};
  for (const auto& c : kCases) {
    auto data = bytes(c.count);
    const auto written = buffer.write(data, c.offset);
    const auto read = buffer.read(data, c.offset);
    EXPECT_EQ(written.has_value(), c.ok) << c.count << " at " << c.offset;
    EXPECT_EQ(read.has_value(), c.ok) << c.count << " at " << c.offset;
    if (!c.ok) {
      EXPECT_EQ(written.error().code(), ErrorCode::InvalidArgument);
    }
  }
}

TEST(Buffers, AreZeroFilledAndShared) {
  Device device(std::make_shared<FakeBackend>());
  auto buffer = *device.make_buffer(8);
  auto data = bytes(8);
  ASSERT_TRUE(buffer.read(data));
  EXPECT_EQ(data, bytes(8, 0));
  Buffer copy = buffer;
  ASSERT_TRUE(copy.write(bytes(8, 3)));
  ASSERT_TRUE(buffer.read(data));
  EXPECT_EQ(data, bytes(8, 3));
  EXPECT_EQ(copy.contents(), buffer.contents());
}

TEST(Buffers, OfSizeZeroAreLegalAndNotEmptyHandles) {
  Device device(std::make_shared<FakeBackend>());
  auto buffer = *device.make_buffer(0);
  EXPECT_TRUE(buffer);
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_TRUE(buffer.write({}));
}

TEST(Buffers, AHandleNoDeviceMade) {
  Buffer none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.size(), 0u);
  EXPECT_EQ(none.contents(), nullptr);
  auto data = bytes(1);
  EXPECT_EQ(none.write(data).error().code(), ErrorCode::InvalidArgument);
  EXPECT_EQ(none.read(data).error().code(), ErrorCode::InvalidArgument);
}

TEST(Buffers, WrappedOnesAreReadOnly) {
  Device device(std::make_shared<FakeBackend>());
  const auto data = bytes(4, 9);
  auto buffer = *device.wrap_buffer(data, nullptr);
  EXPECT_EQ(buffer.write(data).error().code(), ErrorCode::InvalidArgument);
  auto copy = bytes(4, 0);
  ASSERT_TRUE(buffer.read(copy));
  EXPECT_EQ(copy, data);
}

TEST(Buffers, ExhaustionNamesTheDevice) {
  Device device(std::make_shared<FakeBackend>("small"));
  const auto buffer = device.make_buffer(std::size_t{1} << 40);
  ASSERT_FALSE(buffer);
  EXPECT_EQ(buffer.error().code(), ErrorCode::OutOfMemory);
  EXPECT_EQ(buffer.error().device(), "small");
}

TEST(Buffers, KeepTheirDeviceAlive) {
  auto backend = std::make_shared<FakeBackend>();
  const std::weak_ptr<FakeBackend> seen = backend;
  auto buffer = *Device(std::move(backend)).make_buffer(4);
  EXPECT_FALSE(seen.expired());
  buffer = {};
  EXPECT_TRUE(seen.expired());
}

}  // namespace
}  // namespace anymetal::testing
