// The host's element codecs: known bit patterns, round trips, and the error bound of each block format.
#include "cases/codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "cases/values.hpp"

namespace {

using namespace anymetal;
using cases::DType;

TEST(Codec, HalfBitPatterns) {
  EXPECT_EQ(cases::to_half_bits(1.0), 0x3c00);
  EXPECT_EQ(cases::to_half_bits(-2.0), 0xc000);
  EXPECT_EQ(cases::to_half_bits(65504.0), 0x7bff);
  EXPECT_EQ(cases::to_half_bits(65519.9), 0x7bff);
  EXPECT_EQ(cases::to_half_bits(65520.0), 0x7c00);
  EXPECT_EQ(cases::to_half_bits(0x1p-24), 0x0001);
  EXPECT_EQ(cases::to_half_bits(0x1p-25), 0x0000);
  EXPECT_EQ(cases::to_half_bits(0x1p-14), 0x0400);
  EXPECT_EQ(cases::to_half_bits(1.0 + 0x1p-11), 0x3c00);
  EXPECT_EQ(cases::to_half_bits(1.0 + 3 * 0x1p-11), 0x3c02);
  EXPECT_EQ(cases::to_half_bits(std::numeric_limits<double>::quiet_NaN()) & 0x7e00, 0x7e00);
  EXPECT_EQ(cases::to_bfloat_bits(1.0), 0x3f80);
  EXPECT_EQ(cases::to_bfloat_bits(-std::numeric_limits<double>::infinity()), 0xff80);
}

TEST(Codec, EveryHalfAndBfloatSurvivesARoundTrip) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const double half = cases::from_half_bits(pattern), bfloat = cases::from_bfloat_bits(pattern);
    if (!std::isnan(half)) {
      ASSERT_EQ(cases::to_half_bits(half), pattern);
    }
    if (!std::isnan(bfloat)) {
      ASSERT_EQ(cases::to_bfloat_bits(bfloat), pattern);
    }
  }
}

struct Bound {
  DType type;
  double error;  ///< of a value, as a part of its block's largest magnitude
};

class Blocks : public testing::TestWithParam<Bound> {};

TEST_P(Blocks, RoundTripStaysWithinTheStep) {
  const auto [type, bound] = GetParam();
  const std::size_t block = ops::info(type).block_elements, count = 64 * block;
  cases::Random random(7);
  const cases::Fill fill = cases::normal();
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = fill(random, i);
  const auto bytes = cases::encode(type, values);
  ASSERT_EQ(bytes.size(), ops::bytes_of(type, count));
  const auto decoded = cases::decode(type, bytes);
  ASSERT_EQ(decoded.size(), count);
  for (std::size_t b = 0; b < count; b += block) {
    double peak = 0;
    for (std::size_t i = b; i < b + block; ++i) peak = std::max(peak, std::fabs(values[i]));
    for (std::size_t i = b; i < b + block; ++i) ASSERT_LE(std::fabs(decoded[i] - values[i]), bound * peak) << i;
  }
}

TEST_P(Blocks, ZerosStayZero) {
  const DType type = GetParam().type;
  const std::vector<double> zeros(ops::info(type).block_elements);
  for (const double value : cases::decode(type, cases::encode(type, zeros))) EXPECT_EQ(value, 0.0);
}

INSTANTIATE_TEST_SUITE_P(Formats, Blocks,
                         testing::Values(Bound{DType::Q4_0, 0.13}, Bound{DType::Q4_1, 0.07}, Bound{DType::Q5_0, 0.065},
                                         Bound{DType::Q5_1, 0.04}, Bound{DType::Q8_0, 0.005},
                                         Bound{DType::IQ4_NL, 0.12}, Bound{DType::MXFP4, 0.26}, Bound{DType::Q4_K, 0.1},
                                         Bound{DType::Q5_K, 0.06}, Bound{DType::Q6_K, 0.04}, Bound{DType::Q2_K, 0.5},
                                         Bound{DType::Q3_K, 0.3}, Bound{DType::IQ4_XS, 0.14}),
                         [](const auto& format) { return std::string(ops::name(format.param.type)); });

}  // namespace
