// What kernels ask about this processor, and look-ups in tables.

#include <bit>
#include <cmath>
#include <numeric>
#include <string_view>

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
  std::vector<std::uint8_t> values(32), places(32);
  for (std::uint8_t i = 0; i < 32; ++i) {
    values[i] = static_cast<std::uint8_t>(200 + i % 16);
    places[i] = static_cast<std::uint8_t>((7 * i + i / 16) % 16);
  }
  const DeviceArray<std::uint8_t> result(std::vector<std::uint8_t>(32)), entries(values), index(places);
  ASSERT_TRUE(kernel.run({result.bind(), entries.bind(), index.bind()}, {1}, {1}));
  const auto found = result.values();
  for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(found[i], values[places[i]]) << i;
}

/// Counts in core memory, first and last word, how many threadgroups have come, and fills a threadgroup variable with ones.
constexpr std::string_view kCounting = R"(
declare ptr @__msl_core_memory(i64)
@variable = internal global [16 x i32] undef, section "msl.threadgroup", align 16
define void @kernel(ptr %counts) {
  %core = call ptr @__msl_core_memory(i64 100000)
  %group = call i32 @__msl_threadgroup_position_in_grid(i32 0)
  %last = getelementptr i8, ptr %core, i64 99996
  %before = load volatile i32, ptr %core
  %is_first = icmp eq i32 %before, 0
  %seen = load volatile i32, ptr %last
  %kept = select i1 %is_first, i32 0, i32 %seen
  %now = add i32 %kept, 1
  store volatile i32 1, ptr %core
  store volatile i32 %now, ptr %last
  store volatile <16 x i32> splat (i32 1), ptr @variable, align 16
  %out = getelementptr i32, ptr %counts, i32 %group
  store i32 %now, ptr %out
  ret void
})";

TEST(CoreMemory, StaysForTheThreadgroupsOfADispatch) {
  const IrKernel kernel(kCounting, cpu_device(1));
  for (int dispatch = 0; dispatch < 2; ++dispatch) {
    const DeviceArray<std::uint32_t> counts(std::vector<std::uint32_t>(5));
    ASSERT_TRUE(kernel.run({counts.bind()}, {5}, {1}));
    EXPECT_EQ(counts.values(), (std::vector<std::uint32_t>{1, 2, 3, 4, 5}));
  }
  EXPECT_EQ(kernel.artifact().reflection.static_threadgroup_memory, 64u);
}

TEST(CoreMemory, IsRefusedWhereItIsTooLarge) {
  std::string large(kCounting);
  large.replace(large.find("100000"), 6, "1048577");
  const auto compiled = cpu_device()->compile(parse_kernel(large), "large");
  ASSERT_FALSE(compiled);
  EXPECT_NE(compiled.error().message().find("1048576 bytes of core memory"), std::string::npos) << compiled.error().message();
}

constexpr std::string_view kByteProducts = R"(
declare i32 @__msl_has_byte_dots()
declare void @__msl_add_byte_dots(ptr, ptr, ptr)
declare void @__msl_look_up_quarters(ptr, ptr, ptr)
declare void @__msl_nearest_integers(ptr, ptr)
declare void @__msl_multiply_bits(ptr, ptr, ptr)
define void @kernel(ptr %has, ptr %sums, ptr %codes, ptr %limbs, ptr %found, ptr %tables, ptr %index, ptr %integers, ptr %floats,
                    ptr %bits) {
  %n = call i32 @__msl_has_byte_dots()
  store i32 %n, ptr %has
  %no = icmp eq i32 %n, 0
  br i1 %no, label %end, label %do
do:
  call void @__msl_add_byte_dots(ptr %sums, ptr %codes, ptr %limbs)
  call void @__msl_look_up_quarters(ptr %found, ptr %tables, ptr %index)
  call void @__msl_nearest_integers(ptr %integers, ptr %floats)
  call void @__msl_multiply_bits(ptr %bits, ptr %codes, ptr %tables)
  br label %end
end:
  ret void
})";

TEST(TargetQueries, MultipliesBytesWhereTheProcessorCan) {
  const IrKernel kernel(kByteProducts);
  std::vector<std::int32_t> before(16);
  std::vector<std::uint8_t> codes(64), tables(64), places(64);
  std::vector<std::int8_t> limbs(64);
  std::vector<float> numbers(16);
  for (std::size_t i = 0; i < 64; ++i) {
    codes[i] = static_cast<std::uint8_t>(255 - 3 * i);
    limbs[i] = static_cast<std::int8_t>(static_cast<int>(i * 37 % 256) - 128);
    tables[i] = static_cast<std::uint8_t>(200 - i);
    places[i] = static_cast<std::uint8_t>(7 * i % 16);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    before[i] = 1000 * static_cast<std::int32_t>(i);
    numbers[i] = 0.5F * static_cast<float>(i) - 3.0F;
  }
  const DeviceArray<std::uint32_t> has(std::vector<std::uint32_t>(1, 7));
  const DeviceArray<std::int32_t> sums(before), integers(std::vector<std::int32_t>(16));
  const DeviceArray<std::uint8_t> first(codes), found(std::vector<std::uint8_t>(64)), entries(tables), index(places),
      bits(std::vector<std::uint8_t>(64));
  const DeviceArray<std::int8_t> second(limbs);
  const DeviceArray<float> floats(numbers);
  ASSERT_TRUE(kernel.run({has.bind(), sums.bind(), first.bind(), second.bind(), found.bind(), entries.bind(),
                          index.bind(), integers.bind(), floats.bind(), bits.bind()},
                         {1}, {1}));
  if (has.values()[0] == 0) GTEST_SKIP() << "the processor has no products of bytes in registers of 64";
  for (std::size_t i = 0; i < 16; ++i) {
    std::int32_t sum = before[i];
    for (std::size_t j = 4 * i; j < 4 * i + 4; ++j) sum += codes[j] * limbs[j];
    EXPECT_EQ(sums.values()[i], sum) << i;
    EXPECT_EQ(integers.values()[i], static_cast<std::int32_t>(std::nearbyint(numbers[i]))) << i;
  }
  for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(found.values()[i], tables[i / 16 * 16 + places[i]]) << i;
  for (std::size_t i = 0; i < 64; ++i) {
    unsigned product = 0;
    for (std::size_t j = 0; j < 8; ++j)
      product |= static_cast<unsigned>(std::popcount(unsigned{codes[i]} & tables[i / 8 * 8 + j]) % 2) << (7 - j);
    EXPECT_EQ(bits.values()[i], product) << i;
  }
}

constexpr std::string_view kPairProducts = R"(
declare i32 @__msl_has_pair_dots()
declare void @__msl_byte_pair_dots(ptr, ptr, ptr)
declare void @__msl_word_pair_dots(ptr, ptr, ptr)
declare void @__msl_with_signs(ptr, ptr, ptr)
declare void @__msl_nearest_integers(ptr, ptr)
define void @kernel(ptr %has, ptr %words, ptr %codes, ptr %limbs, ptr %sums, ptr %factors, ptr %integers, ptr %floats,
                    ptr %signed) {
  %n = call i32 @__msl_has_pair_dots()
  store i32 %n, ptr %has
  %no = icmp eq i32 %n, 0
  br i1 %no, label %end, label %do
do:
  call void @__msl_byte_pair_dots(ptr %words, ptr %codes, ptr %limbs)
  call void @__msl_word_pair_dots(ptr %sums, ptr %words, ptr %factors)
  call void @__msl_with_signs(ptr %signed, ptr %codes, ptr %limbs)
  call void @__msl_nearest_integers(ptr %integers, ptr %floats)
  br label %end
end:
  ret void
})";

TEST(TargetQueries, MultipliesPairsWhereTheProcessorCan) {
  const IrKernel kernel(kPairProducts);
  std::vector<std::uint8_t> codes(32);
  std::vector<std::int8_t> limbs(32);
  std::vector<std::int16_t> factors(16);
  std::vector<float> numbers(16);
  for (std::size_t i = 0; i < 32; ++i) {
    codes[i] = static_cast<std::uint8_t>(i < 2 ? 127 : 4 * i);
    limbs[i] = static_cast<std::int8_t>(i < 2 ? -128 : static_cast<int>(i * 32 % 256) - 128);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    factors[i] = static_cast<std::int16_t>(30000 - 4096 * static_cast<int>(i));
    numbers[i] = 0.5F * static_cast<float>(i) - 3.0F;
  }
  const DeviceArray<std::uint32_t> has(std::vector<std::uint32_t>(1, 7));
  const DeviceArray<std::int16_t> words(std::vector<std::int16_t>(16)), of_words(factors);
  const DeviceArray<std::int32_t> sums(std::vector<std::int32_t>(8)), integers(std::vector<std::int32_t>(16));
  const DeviceArray<std::uint8_t> first(codes);
  const DeviceArray<std::int8_t> second(limbs), with_signs(std::vector<std::int8_t>(32));
  const DeviceArray<float> floats(numbers);
  ASSERT_TRUE(kernel.run({has.bind(), words.bind(), first.bind(), second.bind(), sums.bind(), of_words.bind(),
                          integers.bind(), floats.bind(), with_signs.bind()},
                         {1}, {1}));
  if (has.values()[0] == 0) GTEST_SKIP() << "the processor has no products of pairs in registers of 32";
  std::vector<std::int32_t> pairs(16);
  for (std::size_t i = 0; i < 16; ++i) {
    pairs[i] = codes[2 * i] * limbs[2 * i] + codes[2 * i + 1] * limbs[2 * i + 1];
    EXPECT_EQ(words.values()[i], pairs[i]) << i;
    EXPECT_EQ(integers.values()[i], static_cast<std::int32_t>(std::nearbyint(numbers[i]))) << i;
  }
  for (std::size_t i = 0; i < 32; ++i) {
    const int sign = (limbs[i] > 0) - (limbs[i] < 0);
    EXPECT_EQ(with_signs.values()[i], static_cast<std::int8_t>(codes[i] * sign)) << i;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(sums.values()[i], pairs[2 * i] * factors[2 * i] + pairs[2 * i + 1] * factors[2 * i + 1]) << i;
  }
}

}  // namespace
}  // namespace anymetal::test
