#include "cases/block_codes.hpp"

#include <array>
#include <span>

#include "cases/values.hpp"

namespace anymetal::cases {
namespace {

/// Where a block has f16 numbers.
std::vector<std::size_t> halves_of(ops::DType type) {
  switch (type) {
    case ops::DType::Q2_K:
      return {80, 82};
    case ops::DType::Q3_K:
      return {108};
    case ops::DType::Q6_K:
      return {208};
    case ops::DType::Q4_1:
    case ops::DType::Q5_1:
    case ops::DType::Q4_K:
    case ops::DType::Q5_K:
      return {0, 2};
    case ops::DType::MXFP4:
      return {};
    default:
      return {0};
  }
}

// 1, -1, 0.1, -0.1, 8, -8, subnormals (least and largest), the least normal, zeros.
constexpr std::array<std::uint16_t, 13> kModerate = {0x3c00, 0xbc00, 0x2e66, 0xae66, 0x4800, 0xc800, 0x0001,
                                                     0x8001, 0x03ff, 0x83ff, 0x0400, 0x0000, 0x8000};
// The largest f16 among ordinary ones.
constexpr std::array<std::uint16_t, 6> kLarge = {0x3c00, 0xbc00, 0x0001, 0x8001, 0x7bff, 0xfbff};
// Infinities and NaN.
constexpr std::array<std::uint16_t, 4> kSpecial = {0x7c00, 0xfc00, 0x7e00, 0x3c00};
constexpr std::size_t kFirstSpecial = 256;

}  // namespace

std::vector<std::byte> every_code(ops::DType type, Scales scales) {
  const std::size_t size = ops::info(type).block_bytes;
  std::vector<std::byte> bytes(kCodeBlocks * size);
  for (std::size_t block = 0; block < kCodeBlocks; ++block) {
    const bool special = scales == Scales::Any && block >= kFirstSpecial;
    const std::span<std::byte> own = std::span(bytes).subspan(block * size, size);
    for (std::size_t i = 0; i < size; ++i) {
      // Odd factors: over 256 blocks a byte takes every value once, its neighbour in another order.
      own[i] = static_cast<std::byte>(special ? 255 : block * (2 * i + 1) + 37 * i);
    }
    std::span<const std::uint16_t> numbers = kModerate;
    if (scales == Scales::Any && block % 2 == 1) numbers = kLarge;
    if (special) numbers = kSpecial;
    std::size_t pick = special ? block : block / 2;
    for (const std::size_t at : halves_of(type)) {
      const std::uint16_t number = numbers[pick % numbers.size()];
      own[at] = static_cast<std::byte>(number & 255u);
      own[at + 1] = static_cast<std::byte>(number >> 8);
      pick = special ? block / 4 : block / 3 + 5;  // minima go with every scale
    }
    // Powers of two: f32 ends at 2^127 and holds the sums too, f16 ends at 2^16.
    if (type == ops::DType::MXFP4) {
      own[0] = static_cast<std::byte>(scales == Scales::Any ? block % 244 : block % 140);
    }
  }
  return bytes;
}

std::vector<std::byte> equal_bytes(ops::DType type, std::size_t blocks) {
  const std::size_t size = ops::info(type).block_bytes;
  // Minima are added in Q4_1 and Q5_1, subtracted in others.
  const std::uint16_t minimum = type == ops::DType::Q4_1 || type == ops::DType::Q5_1 ? 0x4c00 : 0xae66;
  std::vector<std::byte> bytes;
  for (unsigned value = 0; value < 256; ++value) {
    std::vector<std::byte> block(size, static_cast<std::byte>(value));
    std::uint16_t number = 0x3c00;
    for (const std::size_t at : halves_of(type)) {
      block[at] = static_cast<std::byte>(number & 255u), block[at + 1] = static_cast<std::byte>(number >> 8);
      number = minimum;
    }
    if (type == ops::DType::MXFP4) block[0] = std::byte{128};
    for (std::size_t i = 0; i < blocks; ++i) bytes.insert(bytes.end(), block.begin(), block.end());
  }
  return bytes;
}

std::vector<double> positive(std::size_t n) {
  Random random(n);
  std::vector<double> values(n);
  for (double& value : values) value = 0.5 + random.unit();
  return values;
}

std::vector<double> identity(std::size_t n) {
  std::vector<double> rows(n * n);
  for (std::size_t i = 0; i < n; ++i) rows[i * n + i] = 1;
  return rows;
}

}  // namespace anymetal::cases
