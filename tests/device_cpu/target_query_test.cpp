// What kernels ask about this processor, and look-ups in tables.

#include <numeric>

#include "ir_kernel.hpp"

namespace anymetal::test {
namespace {

/// Numbers whose low bits take every value, with others above them.
std::vector<std::uint32_t> numbers() {
  std::vector<std::uint32_t> n(16);
  for (std::uint32_t i = 0; i < 16; ++i) n[i] = 0xabcd00e0u + 37 * i;
  return n;
}

std::vector<float> table(float first) {
  std::vector<float> values(16);
  std::iota(values.begin(), values.end(), first);
  return values;
}

TEST(TargetQueries, LooksUpInATableOfSixteen) {
  const IrKernel kernel(R"(
declare void @__msl_look_up_16(ptr, ptr, ptr)
define void @kernel(ptr %result, ptr %table, ptr %index) {
  call void @__msl_look_up_16(ptr %result, ptr %table, ptr %index)
  ret void
})");
  const DeviceArray<float> result(std::vector<float>(16)), entries(table(100));
  const DeviceArray<std::uint32_t> index(numbers());
  ASSERT_TRUE(kernel.run({result.bind(), entries.bind(), index.bind()}, {1}, {1}));
  const auto found = result.values();
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(found[i], 100 + static_cast<float>(numbers()[i] % 16)) << i;
}

TEST(TargetQueries, LooksUpInATableOfThirtyTwo) {
  const IrKernel kernel(R"(
declare void @__msl_look_up_32(ptr, ptr, ptr, ptr)
define void @kernel(ptr %result, ptr %low, ptr %high, ptr %index) {
  call void @__msl_look_up_32(ptr %result, ptr %low, ptr %high, ptr %index)
  ret void
})");
  const DeviceArray<float> result(std::vector<float>(16)), low(table(100)), high(table(116));
  const DeviceArray<std::uint32_t> index(numbers());
  ASSERT_TRUE(kernel.run({result.bind(), low.bind(), high.bind(), index.bind()}, {1}, {1}));
  const auto found = result.values();
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(found[i], 100 + static_cast<float>(numbers()[i] % 32)) << i;
}

TEST(TargetQueries, LooksUpInATableOfSixteenBytes) {
  const IrKernel kernel(R"(
declare void @__msl_look_up_bytes(ptr, ptr, ptr)
define void @kernel(ptr %result, ptr %table, ptr %index) {
  call void @__msl_look_up_bytes(ptr %result, ptr %table, ptr %index)
  ret void
})");
  std::vector<std::uint8_t> values(16), places(16);
  for (std::uint8_t i = 0; i < 16; ++i) {
    values[i] = static_cast<std::uint8_t>(200 + i);
    places[i] = 7 * i % 16;
  }
  const DeviceArray<std::uint8_t> result(std::vector<std::uint8_t>(16)), entries(values), index(places);
  ASSERT_TRUE(kernel.run({result.bind(), entries.bind(), index.bind()}, {1}, {1}));
  const auto found = result.values();
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(found[i], values[places[i]]) << i;
}

}  // namespace
}  // namespace anymetal::test
