#include <anymetal/function_constant.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace anymetal {
namespace {

std::uint16_t half_bits(float value) {
  std::uint16_t bits;
  std::memcpy(&bits, ConstantValue::half(value).bytes().data(), sizeof bits);
  return bits;
}

TEST(FunctionConstants, HalfRoundsToNearestEven) {
  const struct {
    float value;
    std::uint16_t bits;
  } kCases[] = {{0.0f, 0x0000},    {-0.0f, 0x8000},   {1.0f, 0x3c00},      {-2.0f, 0xc000},     {65504.0f, 0x7bff},
                {65519.0f, 0x7bff}, {65520.0f, 0x7c00}, {1e30f, 0x7c00},    {0x1p-14f, 0x0400},  {0x1p-24f, 0x0001},
                {0x1p-25f, 0x0000}, {0x1.8p-24f, 0x0002}, {0x1.000002p-25f, 0x0001}, {0x1p-26f, 0x0000},
                {1.0f + 0x1p-11f, 0x3c00}, {1.0f + 0x3p-11f, 0x3c02}, {1.0f + 0x1.002p-11f, 0x3c01},
                {0x1.ff8p-15f, 0x03ff}, {0x1.ffcp-15f, 0x0400}, {-INFINITY, 0xfc00}};
  for (const auto& c : kCases) EXPECT_EQ(half_bits(c.value), c.bits) << c.value;
  EXPECT_EQ(half_bits(NAN) & 0x7e00, 0x7e00);
}

#ifdef __FLT16_MAX__
TEST(FunctionConstants, HalfAgreesWithTheCompiler) {
  for (std::uint64_t step = 0; step < (std::uint64_t{1} << 32); step += 65521) {
    float value;
    const auto bits = static_cast<std::uint32_t>(step);
    std::memcpy(&value, &bits, sizeof value);
    if (std::isnan(value)) continue;
    const auto expected = static_cast<_Float16>(value);
    std::uint16_t expected_bits;
    std::memcpy(&expected_bits, &expected, sizeof expected_bits);
    ASSERT_EQ(half_bits(value), expected_bits) << value;
  }
}
#endif

TEST(FunctionConstants, TypesFollowTheValue) {
  EXPECT_EQ(ConstantValue(true).type(), ConstantType::Bool);
  EXPECT_EQ(ConstantValue(4).type(), ConstantType::Int);
  EXPECT_EQ(ConstantValue(4u).type(), ConstantType::UInt);
  EXPECT_EQ(ConstantValue(4.0f).type(), ConstantType::Float);
  EXPECT_EQ(ConstantValue(std::int8_t{4}).type(), ConstantType::Char);
  EXPECT_NE(ConstantValue(1), ConstantValue(1u));
  EXPECT_NE(ConstantValue(1), ConstantValue(2));
  const std::uint8_t truths[] = {2, 0};
  const std::uint8_t ones[] = {1, 0};
  EXPECT_EQ(ConstantValue::from_bytes(ConstantType::Bool, 2, truths), ConstantValue::from_bytes(ConstantType::Bool, 2, ones));
}

TEST(FunctionConstants, NamesAndSizes) {
  EXPECT_EQ(to_string(ConstantType::UShort), "ushort");
  EXPECT_EQ(to_string(ConstantType::Float, 4), "float4");
  EXPECT_EQ(size_of(ConstantType::Half), 2u);
  EXPECT_EQ(size_of(ConstantType::Bool), 1u);
  EXPECT_EQ(size_of(ConstantType::UInt), 4u);
  EXPECT_EQ(to_string(ConstantType::ULong, 3), "ulong3");
  EXPECT_EQ(size_of(ConstantType::Long), 8u);
  EXPECT_EQ(to_string(ConstantType::BFloat), "bfloat");
}

}  // namespace
}  // namespace anymetal
