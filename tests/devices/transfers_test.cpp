// Copies and fills between kernels, on the device the environment names.

#include <gtest/gtest.h>

#include <anymetal/anymetal.hpp>
#include <cstring>
#include <random>
#include <vector>

namespace anymetal::testing {
namespace {

constexpr const char* kAdd = R"(#include <metal_stdlib>
kernel void add_to_all(device uint* x [[buffer(0)]], constant uint& step [[buffer(1)]],
                       uint i [[thread_position_in_grid]]) { x[i] += step; })";

class Transfers : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Device::system_default();
    ASSERT_TRUE(opened) << opened.error().message();
    device = *opened;
    registry.register_source("add_to_all", kAdd);
    auto found = registry.get_pipeline("add_to_all", *device);
    ASSERT_TRUE(found) << found.error().message();
    add = *found;
  }
  Buffer buffer_of(const std::vector<std::uint32_t>& numbers) {
    auto made = device->make_buffer(numbers.size() * sizeof(std::uint32_t));
    EXPECT_TRUE(made && made->write(std::as_bytes(std::span(numbers))));
    return *made;
  }
  static std::vector<std::uint32_t> numbers_of(const Buffer& buffer) {
    std::vector<std::uint32_t> numbers(buffer.size() / sizeof(std::uint32_t));
    EXPECT_TRUE(buffer.read(std::as_writable_bytes(std::span(numbers))));
    return numbers;
  }
  void encode_add(CommandEncoder& encoder, const Buffer& buffer, std::uint32_t step) {
    encoder.set_pipeline(add);
    encoder.set_buffer(0, buffer);
    encoder.set_value(1, step);
    encoder.dispatch_threads({buffer.size() / sizeof(std::uint32_t)}, {64});
  }

  std::optional<Device> device;
  KernelRegistry registry;
  PipelinePtr add;
};

TEST_F(Transfers, SeeWhatKernelsWroteAndAreSeenByThem) {
  const std::vector<std::uint32_t> start(1000, 7);
  const Buffer a = buffer_of(start);
  const Buffer b = buffer_of(std::vector<std::uint32_t>(1000, 0));
  auto encoder = *device->make_command_encoder();
  encode_add(encoder, a, 1);
  encoder.copy_buffer(a, 0, b, 0, 2000);          // b: 500 of 8, then 0
  encode_add(encoder, b, 10);                     // 18, 10
  encoder.fill_buffer(b, 3999, 1, std::byte{1});  // the last byte
  encode_add(encoder, a, 1);                      // 9
  encoder.copy_buffer(b, 0, b, 2000, 4);          // 18 at 500
  const auto done = encoder.commit_and_wait();
  ASSERT_TRUE(done) << done.error().message();
  std::vector<std::uint32_t> expected(1000, 10);
  std::fill_n(expected.begin(), 501, 18);
  expected[999] = 10 + 0x01000000;
  EXPECT_EQ(numbers_of(b), expected);
  EXPECT_EQ(numbers_of(a), std::vector<std::uint32_t>(1000, 9));
}

TEST_F(Transfers, AreRecordedAndReplaced) {
  const Buffer a = buffer_of(std::vector<std::uint32_t>(256, 0));
  const Buffer b = buffer_of(std::vector<std::uint32_t>(256, 0));
  auto encoder = *device->make_command_encoder();
  const auto encode = [&](std::byte value, std::size_t bytes) {
    encoder.fill_buffer(a, 0, bytes, value);
    encode_add(encoder, a, 1);
    encoder.copy_buffer(a, 0, b, 0, 1024);
  };
  encode(std::byte{0}, 1024);
  auto commands = encoder.record();
  ASSERT_TRUE(commands) << commands.error().message();
  EXPECT_EQ(commands->size(), 3U);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(commands->commit_and_wait());
  EXPECT_EQ(numbers_of(b), std::vector<std::uint32_t>(256, 1));
  encode(std::byte{1}, 512);
  ASSERT_TRUE(commands->replace(encoder));
  for (int i = 0; i < 2; ++i) {
    const auto done = commands->commit_and_wait();
    ASSERT_TRUE(done) << done.error().message();
  }
  std::vector<std::uint32_t> expected(256, 3);
  std::fill_n(expected.begin(), 128, 0x01010102);
  EXPECT_EQ(numbers_of(b), expected);
}

// Long enough for several threads and odd at both ends; every command after the one before.
TEST_F(Transfers, MoveManyBytes) {
  constexpr std::size_t kNumbers = 700'001;
  std::mt19937 random(3);
  std::vector<std::uint32_t> numbers(kNumbers);
  for (auto& n : numbers) n = static_cast<std::uint32_t>(random());
  const Buffer a = buffer_of(numbers);
  const Buffer b = buffer_of(std::vector<std::uint32_t>(kNumbers, 0));
  auto encoder = *device->make_command_encoder();
  encoder.copy_buffer(a, 3, b, 1, kNumbers * 4 - 3);
  encoder.fill_buffer(a, 5, kNumbers * 4 - 11, std::byte{0xab});
  encoder.copy_buffer(b, 1, a, 7, 300'000);
  ASSERT_TRUE(encoder.commit_and_wait());
  std::vector<std::uint32_t> expected_a = numbers;
  std::vector<std::uint32_t> expected_b(kNumbers, 0);
  auto* bytes_a = reinterpret_cast<unsigned char*>(expected_a.data());
  auto* bytes_b = reinterpret_cast<unsigned char*>(expected_b.data());
  std::memcpy(bytes_b + 1, bytes_a + 3, kNumbers * 4 - 3);
  std::memset(bytes_a + 5, 0xab, kNumbers * 4 - 11);
  std::memcpy(bytes_a + 7, bytes_b + 1, 300'000);
  EXPECT_EQ(numbers_of(a), expected_a);
  EXPECT_EQ(numbers_of(b), expected_b);
}

// Lists long enough to be launched as a whole, of other lengths and values each time.
TEST_F(Transfers, StandAnywhereInLongLists) {
  const Buffer a = buffer_of(std::vector<std::uint32_t>(64, 0));
  const Buffer b = buffer_of(std::vector<std::uint32_t>(64, 0));
  auto encoder = *device->make_command_encoder();
  std::vector<std::uint32_t> expected_a(64, 0);
  std::vector<std::uint32_t> expected_b(64, 0);
  std::mt19937 random(11);
  for (const int length : {1, 31, 64, 64, 97, 300}) {
    for (int i = 0; i < length; ++i) {
      const auto step = static_cast<std::uint32_t>(random() % 1000);
      switch (random() % 8) {
        case 0:
          encoder.fill_buffer(a, 0, 128, std::byte{2});
          std::fill_n(expected_a.begin(), 32, 0x02020202);
          break;
        case 1:
          encoder.copy_buffer(a, 128, b, 0, 128);
          std::copy_n(expected_a.begin() + 32, 32, expected_b.begin());
          break;
        case 2:
          encoder.copy_buffer(b, 0, a, 0, 256);
          expected_a = expected_b;
          break;
        case 3:
        case 4:
          encode_add(encoder, b, step);
          for (auto& n : expected_b) n += step;
          break;
        default:
          encode_add(encoder, a, step);
          for (auto& n : expected_a) n += step;
      }
    }
    const auto done = encoder.commit_and_wait();
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_EQ(numbers_of(a), expected_a) << length;
    ASSERT_EQ(numbers_of(b), expected_b) << length;
  }
}

}  // namespace
}  // namespace anymetal::testing
