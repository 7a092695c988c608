// Products of a matrix of blocks with a vector that changes between two dispatches of a list: a device may keep what it
// has made of a vector from threadgroup to threadgroup, but no longer.

#include <gtest/gtest.h>

#include <algorithm>
#include <anymetal/anymetal.hpp>
#include <cstring>
#include <random>
#include <vector>

namespace anymetal::testing {
namespace {

constexpr std::size_t kRows = 640;
constexpr std::size_t kLength = 1024;

struct Parameters {  // spec of kernel_mul_mv_*
  std::int64_t ne00 = kLength, ne01 = kRows, ne02 = 1, ne10 = kLength, ne12 = 1, ne0 = kRows, ne1 = 1;
  std::uint32_t r2 = 1, r3 = 1;
};

class ChangedVectors : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto opened = Device::system_default();
    ASSERT_TRUE(opened) << opened.error().message();
    device = *opened;
    auto found = registry.get_pipeline(GetParam(), *device);
    ASSERT_TRUE(found) << found.error().message();
    product = *found;
    // Both formats have 18 bytes for 32 elements; scales of 1/16 in Q4_0, of 1/16 and offsets of 1/8 in Q4_K.
    std::vector<std::uint8_t> blocks(kRows * kLength / 32 * 18);
    std::mt19937 random(1);
    for (auto& byte : blocks) byte = static_cast<std::uint8_t>(random());
    const bool large = std::strstr(GetParam(), "_K_") != nullptr;
    for (std::size_t at = 0; at < blocks.size(); at += large ? 144 : 18) {
      blocks[at] = 0, blocks[at + 1] = 0x2c;
      if (large) blocks[at + 2] = 0, blocks[at + 3] = 0x30;
    }
    weights = buffer_of(std::as_bytes(std::span(blocks)));
  }
  Buffer buffer_of(std::span<const std::byte> bytes) {
    auto made = device->make_buffer(bytes.size());
    EXPECT_TRUE(made && made->write(bytes));
    return *made;
  }
  Buffer results() { return *device->make_buffer(kRows * sizeof(float)); }
  void encode(CommandEncoder& encoder, const Buffer& x, const Buffer& out) {
    const bool large = std::strstr(GetParam(), "_K_") != nullptr;
    encoder.set_pipeline(product);
    encoder.set_buffer(0, weights);
    encoder.set_buffer(1, x);
    encoder.set_buffer(2, out);
    encoder.set_value(3, Parameters{});
    encoder.dispatch_threadgroups({kRows / (large ? 2 : 8)}, large ? Size{2, 32, 1} : Size{8, 8, 1});
  }
  static std::vector<float> numbers_of(const Buffer& buffer) {
    std::vector<float> numbers(buffer.size() / sizeof(float));
    EXPECT_TRUE(buffer.read(std::as_writable_bytes(std::span(numbers))));
    return numbers;
  }

  std::optional<Device> device;
  KernelRegistry registry;
  PipelinePtr product;
  Buffer weights;
};

TEST_P(ChangedVectors, AreReadAgain) {
  std::vector<float> before(kLength);
  std::mt19937 random(2);
  for (auto& x : before) x = static_cast<float>(random() % 2001) / 1000.0F - 1.0F;
  std::vector<float> after = before;
  std::reverse(after.begin(), after.end());
  const Buffer first = buffer_of(std::as_bytes(std::span(before)));
  const Buffer second = buffer_of(std::as_bytes(std::span(after)));
  const Buffer of_first = results();
  const Buffer of_second = results();
  auto alone = *device->make_command_encoder();
  encode(alone, first, of_first);
  ASSERT_TRUE(alone.commit_and_wait());
  encode(alone, second, of_second);
  ASSERT_TRUE(alone.commit_and_wait());
  ASSERT_NE(numbers_of(of_first), numbers_of(of_second));

  const Buffer changing = buffer_of(std::as_bytes(std::span(before)));
  const Buffer early = results();
  const Buffer late = results();
  auto encoder = *device->make_command_encoder();
  encode(encoder, changing, early);
  encoder.copy_buffer(second, 0, changing, 0, second.size());
  encode(encoder, changing, late);
  ASSERT_TRUE(encoder.commit_and_wait());
  EXPECT_EQ(numbers_of(early), numbers_of(of_first));
  EXPECT_EQ(numbers_of(late), numbers_of(of_second));
}

INSTANTIATE_TEST_SUITE_P(Formats, ChangedVectors,
                         ::testing::Values("kernel_mul_mv_q4_0_f32", "kernel_mul_mv_q4_K_f32"));

}  // namespace
}  // namespace anymetal::testing
