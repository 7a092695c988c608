// The host's quantisers of every block format: no value is further from what it is decoded to than the format forces.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "cases/affine.hpp"
#include "cases/block_codes.hpp"
#include "cases/codec.hpp"
#include "cases/values.hpp"

namespace {

using namespace anymetal;
using cases::DType;
using Values = std::vector<double>;

enum class Kind : std::uint8_t {
  Symmetric,  ///< codes -codes .. codes - 1, the scale's sign so that the extreme is the first
  Minimum,    ///< codes 0 .. codes above a minimum
  Table,      ///< the table of IQ4_NL and IQ4_XS: -127 .. 113, at most 24 apart
};

/// What a format's codes and scales reach.
struct Format {
  DType type;
  Kind kind;
  std::size_t part;  ///< elements that share a scale
  double codes;
  double scales = 1;  ///< codes of a part's scale, 1 where it is an f16
};

constexpr std::array kFormats = {
    Format{DType::Q4_0, Kind::Symmetric, 32, 8},       Format{DType::Q4_1, Kind::Minimum, 32, 15},
    Format{DType::Q5_0, Kind::Symmetric, 32, 16},      Format{DType::Q5_1, Kind::Minimum, 32, 31},
    Format{DType::Q8_0, Kind::Symmetric, 32, 127},     Format{DType::IQ4_NL, Kind::Table, 32, 127},
    Format{DType::Q2_K, Kind::Minimum, 16, 3, 15},     Format{DType::Q3_K, Kind::Symmetric, 16, 4, 32},
    Format{DType::Q4_K, Kind::Minimum, 32, 15, 63},    Format{DType::Q5_K, Kind::Minimum, 32, 31, 63},
    Format{DType::Q6_K, Kind::Symmetric, 16, 32, 128}, Format{DType::IQ4_XS, Kind::Table, 32, 127, 32}};

/// What rounding to f16 changes at most.
double half_error(double value) { return std::fmax(std::fabs(value) * 0x1p-11, 0x1p-25); }

double extreme(std::span<const double> values) {
  double most = 0;
  for (const double v : values) most = std::fmax(most, std::fabs(v));
  return most;
}

/// What the format makes of a part of a block: values in [first, last] surely lie between two codes, others may lie
/// past them.
struct Part {
  double first, last;
  double between, past;  ///< largest errors
  [[nodiscard]] double allowed(double value) const {
    return value >= first && value <= last ? between : std::fmax(between, past);
  }
};

std::vector<Part> parts_of(const Format& f, std::span<const double> block) {
  const bool has_minimum = f.kind == Kind::Minimum, has_codes = f.scales > 1;
  Values steps, minima, tops;
  for (std::size_t at = 0; at < block.size(); at += f.part) {
    const auto part = block.subspan(at, f.part);
    const auto [low, high] = std::ranges::minmax(part);
    // Super-blocks store minima that are subtracted, of one sign, and scales to reach from there past zero.
    minima.push_back(has_codes ? std::fmin(low, 0.0) : low);
    tops.push_back(has_codes ? std::fmax(high, 0.0) : high);
    steps.push_back(has_minimum ? (tops.back() - minima.back()) / f.codes : extreme(part) / f.codes);
  }
  const double unit = std::ranges::max(steps) / f.scales, minimum_unit = has_minimum ? extreme(minima) / f.scales : 0;
  // Nearest codes of scales, half a unit off; one unit for the extreme of the other sign, whose code there is not.
  const double step_error = has_codes ? unit * (has_minimum ? 0.5 : 1) : 0;
  const double minimum_error = has_codes ? minimum_unit / 2 : 0;
  const double halves = f.codes * f.scales * half_error(unit) + (has_minimum ? f.scales * half_error(minimum_unit) : 0);
  std::vector<Part> parts;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const double step = steps[i] + step_error, least_step = std::fmax(0.0, steps[i] - step_error);
    Part part = {.first = minima[i] + minimum_error + halves,
                 .last = minima[i] - minimum_error - halves + f.codes * least_step,
                 .between = step / 2 + halves,
                 .past = f.codes * step_error + minimum_error + halves};
    if (!has_minimum) {  // of both signs, of which one has fewer codes
      const double codes = f.kind == Kind::Table ? 113 : f.type == DType::Q8_0 ? 127 : f.codes - 1;
      part.last = codes * least_step - halves;
      part.first = -part.last;
      part.past += (f.codes - codes) * step;
    }
    if (f.kind == Kind::Table) part.between = 12 * step + halves;
    parts.push_back(part);
  }
  return parts;
}

struct Data {
  const char* name;
  cases::Fill fill;
};

/// Values that ask something different of a scale each.
std::vector<Data> data() {
  return {
      {"normal", cases::normal()},
      {"uniform", cases::uniform(-3, 3)},
      {"positive", cases::uniform(0.5, 2)},
      {"negative", cases::uniform(-9, -1)},
      {"equal", cases::constant(-0.37)},
      {"zeros", cases::constant(0)},
      {"outlier", [](cases::Random& random, std::size_t i) { return i % 97 == 5 ? 500 : cases::normal()(random, i); }},
      {"parts apart",
       [](cases::Random& random, std::size_t i) {
         return std::ldexp(cases::normal()(random, i), -static_cast<int>(i / 16 % 16));
       }},
      {"subnormal scales", cases::normal(0, 1e-6)},
      {"large", cases::normal(0, 1e4)}};
}

Values filled(const cases::Fill& fill, std::size_t count) {
  cases::Random random(7);
  Values values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = fill(random, i);
  return values;
}

class BlockQuantisers : public testing::TestWithParam<Format> {};

void expect_within_bounds(const Format& f, const Values& values, const Values& decoded, const char* name) {
  ASSERT_EQ(decoded.size(), values.size());
  const std::size_t block = ops::info(f.type).block_elements;
  for (std::size_t b = 0; b < values.size(); b += block) {
    const std::vector<Part> parts = parts_of(f, std::span(values).subspan(b, block));
    for (std::size_t i = b; i < b + block; ++i) {
      ASSERT_LE(std::fabs(decoded[i] - values[i]), parts[(i - b) / f.part].allowed(values[i])) << name << ' ' << i;
    }
  }
}

TEST_P(BlockQuantisers, ErrByWhatTheFormatForces) {
  const DType type = GetParam().type;
  for (const Data& kind : data()) {
    const Values values = filled(kind.fill, 64 * ops::info(type).block_elements);
    const auto bytes = cases::encode(type, values);
    ASSERT_EQ(bytes.size(), ops::bytes_of(type, values.size()));
    ASSERT_NO_FATAL_FAILURE(expect_within_bounds(GetParam(), values, cases::decode(type, bytes), kind.name));
  }
}

TEST_P(BlockQuantisers, KeepZeros) {
  const Values zeros(ops::info(GetParam().type).block_elements);
  for (const double value : cases::decode(GetParam().type, cases::encode(GetParam().type, zeros))) {
    EXPECT_EQ(value, 0.0);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, BlockQuantisers, testing::ValuesIn(kFormats),
                         [](const auto& format) { return std::string(ops::name(format.param.type)); });

TEST(Quantisers, OfMxfp4ErrByHalfTheWidestGapBetweenCodes) {
  for (const Data& kind : data()) {
    const Values values = filled(kind.fill, 64 * 32),
                 decoded = cases::decode(DType::MXFP4, cases::encode(DType::MXFP4, values));
    for (std::size_t i = 0; i < values.size(); ++i) {
      // The scale is the power of two by which the extreme lies between 6 and 12, where codes are 4 apart.
      const double peak = extreme(std::span(values).subspan(i / 32 * 32, 32));
      const double scale = peak == 0 ? 0 : std::ldexp(1.0, std::ilogb(peak / 12) + 1);
      ASSERT_LE(std::fabs(decoded[i] - values[i]), 2 * scale) << kind.name << ' ' << i;
    }
  }
}

TEST(Quantisers, OfEveryFormatAreHere) {
  for (const DType type : cases::kBlockFormats) {
    EXPECT_TRUE(type == DType::MXFP4 || std::ranges::count(kFormats, type, &Format::type) == 1) << ops::name(type);
  }
}

class AffineQuantiser : public testing::TestWithParam<std::size_t> {};

TEST_P(AffineQuantiser, ErrsByHalfAScaleAtMost) {
  const std::size_t bits = GetParam();
  for (const DType scales : {DType::F32, DType::BF16, DType::F16}) {
    for (const std::size_t group : {32u, 64u, 128u, 20u}) {
      for (const std::size_t columns : {256u, 300u}) {  // of which the second ends within a group
        const cases::AffineFormat format = {columns, group, bits, scales};
        for (const Data& kind : data()) {
          const Values values = filled(kind.fill, 16 * columns);
          const cases::AffineWeights weights = cases::quantise_affine(values, format);
          const Values decoded = cases::dequantise_affine(weights, format);
          ASSERT_EQ(cases::decode(scales, cases::encode(scales, weights.scales)), weights.scales);
          ASSERT_EQ(cases::decode(scales, cases::encode(scales, weights.biases)), weights.biases);
          for (std::size_t i = 0; i < values.size(); ++i) {
            const std::size_t row = i / columns, column = i % columns, first = column / group * group;
            const double scale = weights.scales[row * format.groups() + column / group];
            ASSERT_LE(std::fabs(decoded[i] - values[i]), scale / 2 * (1 + 1e-12)) << kind.name << ' ' << i;
            // The scale is no larger than the range of the group asks for.
            const auto [low, high] =
                std::ranges::minmax(std::span(values).subspan(row * columns + first, std::min(group, columns - first)));
            const double unit = scales == DType::F32 ? 0x1p-23 : scales == DType::F16 ? 0x1p-10 : 0x1p-7;
            const double least = scales == DType::F16 ? 0x1p-24 : 0x1p-133;
            const double range = high - low + std::fabs(low) * unit + least;
            ASSERT_LE(scale, range / static_cast<double>((1u << bits) - 1) * (1 + unit) + least)
                << kind.name << ' ' << i;
          }
        }
      }
    }
  }
}

TEST_P(AffineQuantiser, PacksAndUnpacksEveryCode) {
  cases::Random random(3);
  for (const std::size_t columns : {1u, 7u, 8u, 45u, 64u, 300u}) {
    const Values codes = cases::affine_codes(random, 5 * columns, GetParam());
    const auto bytes = cases::pack_affine(codes, columns, GetParam());
    ASSERT_EQ(bytes.size(), 5 * cases::affine_row_bytes(columns, GetParam()));
    ASSERT_EQ(cases::unpack_affine(bytes, columns, GetParam()), codes);
  }
}

INSTANTIATE_TEST_SUITE_P(Bits, AffineQuantiser, testing::ValuesIn(cases::kAffineBits),
                         [](const auto& bits) { return std::to_string(bits.param); });

}  // namespace
