#include <array>
#include <cmath>

#include "cases/blocks.hpp"
#include "cases/codec.hpp"

namespace anymetal::cases {
namespace {

constexpr std::array<int, 16> kNonLinear = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr std::array<int, 16> kTwiceE2M1 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// Byte-wise reading of one block.
struct Reader {
  std::span<const std::byte> bytes;

  [[nodiscard]] unsigned u8(std::size_t at) const { return std::to_integer<unsigned>(bytes[at]); }
  [[nodiscard]] int i8(std::size_t at) const { return static_cast<std::int8_t>(u8(at)); }
  [[nodiscard]] unsigned u16(std::size_t at) const { return u8(at) | u8(at + 1) << 8; }
  [[nodiscard]] unsigned u32(std::size_t at) const { return u16(at) | u16(at + 2) << 16; }
  [[nodiscard]] double half(std::size_t at) const { return from_half_bits(static_cast<std::uint16_t>(u16(at))); }
  /// Nibble i of 32: low nibbles of 16 bytes first, then the high ones.
  [[nodiscard]] unsigned nibble(std::size_t at, std::size_t i) const {
    return i < 16 ? u8(at + i) & 15u : u8(at + i - 16) >> 4;
  }
};

/// 6-bit scale and minimum of sub-block s in the 12 bytes at `at`.
std::pair<double, double> scale_and_min(const Reader& r, std::size_t at, std::size_t s) {
  if (s < 4) return {r.u8(at + s) & 63u, r.u8(at + s + 4) & 63u};
  return {(r.u8(at + s + 4) & 15u) | (r.u8(at + s - 4) >> 6) << 4, (r.u8(at + s + 4) >> 4) | (r.u8(at + s) >> 6) << 4};
}

double small_block(DType type, const Reader& r, std::size_t i) {
  switch (type) {
    case DType::Q4_0:
      return r.half(0) * (static_cast<double>(r.nibble(2, i)) - 8);
    case DType::Q4_1:
      return r.half(0) * r.nibble(4, i) + r.half(2);
    case DType::Q5_0:
      return r.half(0) * (static_cast<double>(r.nibble(6, i) | ((r.u32(2) >> i) & 1u) << 4) - 16);
    case DType::Q5_1:
      return r.half(0) * (r.nibble(8, i) | ((r.u32(4) >> i) & 1u) << 4) + r.half(2);
    case DType::Q8_0:
      return r.half(0) * r.i8(2 + i);
    case DType::IQ4_NL:
      return r.half(0) * kNonLinear[r.nibble(2, i)];
    default:
      return std::ldexp(kTwiceE2M1[r.nibble(1, i)], static_cast<int>(r.u8(0)) - 128);  // MXFP4
  }
}

double super_block(DType type, const Reader& r, std::size_t i) {
  const std::size_t s = i / 32, l = i % 32;                 // 8 sub-blocks of 32
  const std::size_t u = i / 128, quarter = (i % 128) / 32;  // or 2 halves of 4 quarters
  const std::size_t t = 8 * u + 2 * quarter + l / 16;       // or 16 sub-blocks of 16
  switch (type) {
    case DType::Q4_K: {
      const unsigned n = r.u8(16 + 32 * (s / 2) + l) >> 4 * (s & 1) & 15u;
      const auto [scale, minimum] = scale_and_min(r, 4, s);
      return r.half(0) * scale * n - r.half(2) * minimum;
    }
    case DType::Q5_K: {
      const unsigned n = (r.u8(48 + 32 * (s / 2) + l) >> 4 * (s & 1) & 15u) | (r.u8(16 + l) >> s & 1u) << 4;
      const auto [scale, minimum] = scale_and_min(r, 4, s);
      return r.half(0) * scale * n - r.half(2) * minimum;
    }
    case DType::Q6_K: {
      const unsigned low = r.u8(64 * u + 32 * (quarter & 1) + l) >> 4 * (quarter >> 1) & 15u;
      const unsigned high = r.u8(128 + 32 * u + l) >> 2 * quarter & 3u;
      return r.half(208) * r.i8(192 + t) * (static_cast<double>(low | high << 4) - 32);
    }
    case DType::Q2_K: {
      const unsigned q = r.u8(16 + 32 * u + l) >> 2 * quarter & 3u, scale = r.u8(t);
      return r.half(80) * (scale & 15u) * q - r.half(82) * (scale >> 4);
    }
    case DType::Q3_K: {
      const unsigned q = r.u8(32 + 32 * u + l) >> 2 * quarter & 3u, high = r.u8(l) >> (4 * u + quarter) & 1u;
      const unsigned low4 = t < 8 ? r.u8(96 + t) & 15u : r.u8(96 + t - 8) >> 4;
      const unsigned high2 = r.u8(96 + 8 + t % 4) >> 2 * (t / 4) & 3u;
      return r.half(108) * (static_cast<double>(low4 | high2 << 4) - 32) *
             (static_cast<double>(q) - (high != 0 ? 0 : 4));
    }
    default: {  // IQ4_XS
      const unsigned scale = (r.u8(4 + s / 2) >> 4 * (s % 2) & 15u) | (r.u16(2) >> 2 * s & 3u) << 4;
      return r.half(0) * (static_cast<double>(scale) - 32) * kNonLinear[r.nibble(8 + 16 * s, l)];
    }
  }
}

}  // namespace

void decode_block(DType type, std::span<const std::byte> bytes, std::vector<double>& out) {
  const Reader reader{bytes};
  const std::size_t elements = ops::info(type).block_elements;
  for (std::size_t i = 0; i < elements; ++i) {
    out.push_back(elements == 32 ? small_block(type, reader, i) : super_block(type, reader, i));
  }
}

}  // namespace anymetal::cases
