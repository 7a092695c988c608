// The host's codecs of plain elements: known bit patterns and round trips.
#include "cases/codec.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>


namespace {

using namespace anymetal;

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

}  // namespace
