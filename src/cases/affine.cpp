#include "cases/affine.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace anymetal::cases {
namespace {

/// The value of the type that is nearest to `value` on the side of `towards`, or `value` itself.
double rounded_towards(DType type, double value, double towards) {
  const double nearest = decode(type, encode(type, std::array{value})).front();
  if (nearest == value || (nearest < value) == (towards < value)) return nearest;
  // One step further: bit patterns of one sign are in the order of their magnitudes.
  std::vector<std::byte> bytes = encode(type, std::array{nearest});
  const bool away_from_zero = nearest == 0 || (towards < value) == std::signbit(nearest);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) bits |= std::to_integer<std::uint32_t>(bytes[i]) << 8 * i;
  if (nearest == 0) bits = std::uint32_t{towards < value} << (8 * bytes.size() - 1);
  bits += away_from_zero ? 1u : ~0u;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(bits >> 8 * i);
  return decode(type, bytes).front();
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

AffineWeights quantise_affine(std::span<const double> values, const AffineFormat& format) {
  AffineWeights result;
  result.codes.resize(values.size());
  const auto top = static_cast<double>((1u << format.bits) - 1);
  for (std::size_t row = 0; row < values.size(); row += format.columns) {
    for (std::size_t column = 0; column < format.columns; column += format.group) {
      const std::size_t count = std::min(format.group, format.columns - column);
      const auto [least, largest] = std::ranges::minmax(values.subspan(row + column, count));
      const double bias = rounded_towards(format.scales, least, -kInfinity);
      const double scale = rounded_towards(format.scales, (largest - bias) / top, kInfinity);
      result.biases.push_back(bias);
      result.scales.push_back(scale);
      for (std::size_t i = row + column; i < row + column + count; ++i) {
        result.codes[i] = scale == 0 ? 0 : std::clamp(std::nearbyint((values[i] - bias) / scale), 0.0, top);
      }
    }
  }
  return result;
}

std::vector<double> dequantise_affine(const AffineWeights& weights, const AffineFormat& format) {
  std::vector<double> values(weights.codes.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t g = i / format.columns * format.groups() + i % format.columns / format.group;
    values[i] = weights.codes[i] * weights.scales[g] + weights.biases[g];
  }
  return values;
}

std::vector<double> affine_codes(Random& random, std::size_t count, std::size_t bits) {
  std::vector<double> codes(count);
  for (double& code : codes) code = static_cast<double>(random.below(std::uint64_t{1} << bits));
  return codes;
}

std::vector<std::byte> pack_affine(std::span<const double> codes, std::size_t columns, std::size_t bits) {
  const std::size_t row_bytes = affine_row_bytes(columns, bits), rows = codes.size() / columns;
  std::vector<std::byte> bytes(rows * row_bytes, std::byte{0});
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t bit = 0; bit < row_bytes * 8; ++bit) {
      const std::size_t column = bit / bits;
      const bool set =
          column >= columns || (static_cast<std::size_t>(codes[row * columns + column]) >> (bit % bits) & 1) != 0;
      if (set) bytes[row * row_bytes + bit / 8] |= std::byte{1} << (bit % 8);
    }
  }
  return bytes;
}

std::vector<double> unpack_affine(std::span<const std::byte> bytes, std::size_t columns, std::size_t bits) {
  const std::size_t row_bytes = affine_row_bytes(columns, bits), rows = bytes.size() / row_bytes;
  std::vector<double> codes(rows * columns);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    for (std::size_t b = 0; b < bits; ++b) {
      const std::size_t bit = i % columns * bits + b;
      const std::byte byte = bytes[i / columns * row_bytes + bit / 8];
      codes[i] += static_cast<double>(std::to_integer<unsigned>(byte >> bit % 8 & std::byte{1}) << b);
    }
  }
  return codes;
}

}  // namespace anymetal::cases
