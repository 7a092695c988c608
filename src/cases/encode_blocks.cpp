#include <algorithm>
#include <array>
#include <cmath>

#include "cases/blocks.hpp"
#include "cases/codec.hpp"

namespace anymetal::cases {
namespace {

constexpr std::array<int, 16> kNonLinear = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr std::array<int, 8> kTwiceE2M1 = {0, 1, 2, 3, 4, 6, 8, 12};

using Block = std::vector<std::byte>;

void put(Block& block, std::size_t at, unsigned value) { block[at] |= static_cast<std::byte>(value & 255u); }

/// Stores a half and returns the value it holds.
double put_half(Block& block, std::size_t at, double value) {
  const std::uint16_t bits = to_half_bits(value);
  put(block, at, bits);
  put(block, at + 1, bits >> 8);
  return from_half_bits(bits);
}

/// The nearest code in [0, limit] for (value - offset) / step; code 0 where the step is 0.
unsigned code(double value, double offset, double step, unsigned limit) {
  if (step == 0.0) return 0;
  return static_cast<unsigned>(std::clamp(std::nearbyint((value - offset) / step), 0.0, static_cast<double>(limit)));
}

template <class Table>
unsigned nearest(const Table& table, double value) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < table.size(); ++i) {
    if (std::fabs(table[i] - value) < std::fabs(table[best] - value)) best = i;
  }
  return static_cast<unsigned>(best);
}

void put_nibble(Block& block, std::size_t at, std::size_t i, unsigned n) {
  put(block, at + i % 16, i < 16 ? n : n << 4);
}

double extreme(std::span<const double> values) {
  return *std::ranges::max_element(values, {}, [](double v) { return std::fabs(v); });
}

void encode_small(DType type, std::span<const double> values, Block& block) {
  const auto [low, high] = std::ranges::minmax(values);
  const double peak = extreme(values);
  switch (type) {
    case DType::Q4_0: {
      const double d = put_half(block, 0, peak / -8);
      for (std::size_t i = 0; i < 32; ++i) put_nibble(block, 2, i, code(values[i], -8 * d, d, 15));
      break;
    }
    case DType::Q4_1: {
      const double d = put_half(block, 0, (high - low) / 15), m = put_half(block, 2, low);
      for (std::size_t i = 0; i < 32; ++i) put_nibble(block, 4, i, code(values[i], m, d, 15));
      break;
    }
    case DType::Q5_0:
    case DType::Q5_1: {
      const bool symmetric = type == DType::Q5_0;
      const std::size_t qh = symmetric ? 2 : 4;
      const double d = put_half(block, 0, symmetric ? peak / -16 : (high - low) / 31);
      const double m = symmetric ? -16 * d : put_half(block, 2, low);
      for (std::size_t i = 0; i < 32; ++i) {
        const unsigned n = code(values[i], m, d, 31);
        put_nibble(block, qh + 4, i, n & 15u);
        put(block, qh + i / 8, (n >> 4) << (i % 8));
      }
      break;
    }
    case DType::Q8_0: {
      const double d = put_half(block, 0, std::fabs(peak) / 127);
      for (std::size_t i = 0; i < 32; ++i) put(block, 2 + i, code(values[i], -128 * d, d, 255) - 128u);
      break;
    }
    case DType::IQ4_NL: {
      const double d = put_half(block, 0, peak / -127);
      for (std::size_t i = 0; i < 32; ++i) put_nibble(block, 2, i, d == 0 ? 8 : nearest(kNonLinear, values[i] / d));
      break;
    }
    default: {  // MXFP4
      const int power = peak == 0.0 ? 0 : std::clamp(std::ilogb(peak / 12) + 1 + 128, 0, 254);
      put(block, 0, static_cast<unsigned>(power));
      for (std::size_t i = 0; i < 32; ++i) {
        const double scaled = std::ldexp(values[i], 128 - power);
        put_nibble(block, 1, i, nearest(kTwiceE2M1, std::fabs(scaled)) | (scaled < 0 ? 8u : 0u));
      }
    }
  }
}

/// Q4_K and Q5_K: per sub-block a scale and a (subtracted) minimum in 6 bits each.
void encode_with_minima(DType type, std::span<const double> values, Block& block) {
  const unsigned limit = type == DType::Q4_K ? 15 : 31;
  const std::size_t qh = 16, qs = type == DType::Q4_K ? 16 : 48;
  std::array<double, 8> steps{}, minima{};
  for (std::size_t s = 0; s < 8; ++s) {
    const auto [low, high] = std::ranges::minmax(values.subspan(32 * s, 32));
    minima[s] = std::max(0.0, -low);
    steps[s] = (std::max(high, 0.0) + minima[s]) / limit;
  }
  const double d = put_half(block, 0, std::ranges::max(steps) / 63),
               dmin = put_half(block, 2, std::ranges::max(minima) / 63);
  for (std::size_t s = 0; s < 8; ++s) {
    const unsigned scale = code(steps[s], 0, d, 63), minimum = code(minima[s], 0, dmin, 63);
    if (s < 4) {
      put(block, 4 + s, scale);
      put(block, 8 + s, minimum);
    } else {
      put(block, 8 + s, (scale & 15u) | (minimum & 15u) << 4);
      put(block, s, (scale >> 4) << 6);
      put(block, 4 + s, (minimum >> 4) << 6);
    }
    for (std::size_t l = 0; l < 32; ++l) {
      const unsigned n = code(values[32 * s + l], -dmin * minimum, d * scale, limit);
      put(block, qs + 32 * (s / 2) + l, (n & 15u) << 4 * (s & 1));
      if (type == DType::Q5_K) put(block, qh + l, (n >> 4) << s);
    }
  }
}

void encode_q6(std::span<const double> values, Block& block) {
  std::array<double, 16> steps{};
  for (std::size_t t = 0; t < 16; ++t) steps[t] = extreme(values.subspan(16 * t, 16)) / -32;
  const double d = put_half(block, 208, extreme(steps) / -128);
  for (std::size_t t = 0; t < 16; ++t) {
    const int scale = static_cast<int>(code(steps[t], -128 * d, d, 255)) - 128;
    put(block, 192 + t, static_cast<unsigned>(scale));
    for (std::size_t j = 0; j < 16; ++j) {
      const std::size_t i = 16 * t + j, u = i / 128, quarter = (i % 128) / 32, l = i % 32;
      const unsigned n = code(values[i], -32 * d * scale, d * scale, 63);
      put(block, 64 * u + 32 * (quarter & 1) + l, (n & 15u) << 4 * (quarter >> 1));
      put(block, 128 + 32 * u + l, (n >> 4) << 2 * quarter);
    }
  }
}

/// Element i's two bits of a super-block whose bytes hold four quarters of 32 elements.
void put_pair(Block& block, std::size_t at, std::size_t i, unsigned q) {
  put(block, at + i / 128 * 32 + i % 32, q << i % 128 / 32 * 2);
}

/// Q2_K: per sub-block of 16 a scale and a (subtracted) minimum in 4 bits each.
void encode_q2(std::span<const double> values, Block& block) {
  std::array<double, 16> steps{}, minima{};
  for (std::size_t t = 0; t < 16; ++t) {
    const auto [low, high] = std::ranges::minmax(values.subspan(16 * t, 16));
    minima[t] = std::max(0.0, -low);
    steps[t] = (std::max(high, 0.0) + minima[t]) / 3;
  }
  const double d = put_half(block, 80, std::ranges::max(steps) / 15),
               dmin = put_half(block, 82, std::ranges::max(minima) / 15);
  for (std::size_t t = 0; t < 16; ++t) {
    const unsigned scale = code(steps[t], 0, d, 15), minimum = code(minima[t], 0, dmin, 15);
    put(block, t, scale | minimum << 4);
    for (std::size_t i = 16 * t; i < 16 * t + 16; ++i) {
      put_pair(block, 16, i, code(values[i], -dmin * minimum, d * scale, 3));
    }
  }
}

/// Q3_K: per sub-block of 16 a signed scale of 6 bits.
void encode_q3(std::span<const double> values, Block& block) {
  std::array<double, 16> steps{};
  for (std::size_t t = 0; t < 16; ++t) steps[t] = extreme(values.subspan(16 * t, 16)) / -4;
  const double d = put_half(block, 108, extreme(steps) / -32);
  for (std::size_t t = 0; t < 16; ++t) {
    const unsigned scale = code(steps[t], -32 * d, d, 63);
    put(block, 96 + t % 8, (scale & 15u) << t / 8 * 4);
    put(block, 104 + t % 4, (scale >> 4) << t / 4 * 2);
    const double step = d * (static_cast<double>(scale) - 32);
    for (std::size_t i = 16 * t; i < 16 * t + 16; ++i) {
      const unsigned q = code(values[i], -4 * step, step, 7);
      put_pair(block, 32, i, q & 3u);
      put(block, i % 32, (q >> 2) << i / 32);
    }
  }
}

/// IQ4_XS: per sub-block of 32 a signed scale of 6 bits for the codes of IQ4_NL.
void encode_iq4_xs(std::span<const double> values, Block& block) {
  std::array<double, 8> steps{};
  for (std::size_t s = 0; s < 8; ++s) steps[s] = extreme(values.subspan(32 * s, 32)) / -127;
  const double d = put_half(block, 0, extreme(steps) / -32);
  for (std::size_t s = 0; s < 8; ++s) {
    const unsigned scale = code(steps[s], -32 * d, d, 63);
    put(block, 2 + s / 4, (scale >> 4) << s % 4 * 2);
    put(block, 4 + s / 2, (scale & 15u) << s % 2 * 4);
    const double step = d * (static_cast<double>(scale) - 32);
    for (std::size_t i = 0; i < 32; ++i) {
      const unsigned n = step == 0 ? 8 : nearest(kNonLinear, values[32 * s + i] / step);
      put_nibble(block, 8 + 16 * s, i, n);
    }
  }
}

}  // namespace

void encode_block(DType type, std::span<const double> values, std::vector<std::byte>& out) {
  Block block(ops::info(type).block_bytes);
  switch (type) {
    case DType::Q4_K:
    case DType::Q5_K:
      encode_with_minima(type, values, block);
      break;
    case DType::Q6_K:
      encode_q6(values, block);
      break;
    case DType::Q2_K:
      encode_q2(values, block);
      break;
    case DType::Q3_K:
      encode_q3(values, block);
      break;
    case DType::IQ4_XS:
      encode_iq4_xs(values, block);
      break;
    default:
      encode_small(type, values, block);
  }
  out.insert(out.end(), block.begin(), block.end());
}

}  // namespace anymetal::cases
