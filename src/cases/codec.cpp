#include "cases/codec.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "cases/blocks.hpp"

namespace anymetal::cases {
namespace {

/// Rounds to a binary format with `mantissa` stored bits and `exponent` bits; the result is exact in double.
std::uint32_t to_small_float(double value, int mantissa, int exponent) {
  const std::uint32_t sign = std::signbit(value) ? 1u << (mantissa + exponent) : 0u;
  const std::uint32_t infinity = ((1u << exponent) - 1u) << mantissa;
  if (std::isnan(value)) return sign | infinity | 1u << (mantissa - 1);
  const double magnitude = std::fabs(value);
  const int bias = (1 << (exponent - 1)) - 1;
  if (magnitude == 0.0) return sign;
  if (std::isinf(value)) return sign | infinity;
  // Unit in the last place of the value's binade, or of the subnormals; nearbyint ties to even.
  const int power = std::max(std::ilogb(magnitude), 1 - bias);
  const double units = std::nearbyint(std::ldexp(magnitude, mantissa - power));
  const double rounded = std::ldexp(units, power - mantissa);
  if (rounded >= std::ldexp(1.0, bias + 1)) return sign | infinity;
  const int rounded_power = rounded == 0.0 ? 1 - bias : std::max(std::ilogb(rounded), 1 - bias);
  const auto significand = static_cast<std::uint32_t>(std::ldexp(rounded, mantissa - rounded_power));
  const bool normal = significand >= 1u << mantissa;
  const std::uint32_t exponent_field = normal ? static_cast<std::uint32_t>(rounded_power + bias) : 0u;
  return sign | exponent_field << mantissa | (significand & ((1u << mantissa) - 1u));
}

double from_small_float(std::uint32_t bits, int mantissa, int exponent) {
  const std::uint32_t field = (bits >> mantissa) & ((1u << exponent) - 1u);
  const std::uint32_t fraction = bits & ((1u << mantissa) - 1u);
  const double sign = (bits >> (mantissa + exponent)) & 1u ? -1.0 : 1.0;
  const int bias = (1 << (exponent - 1)) - 1;
  if (field == (1u << exponent) - 1u) {
    return fraction != 0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  }
  if (field == 0) return sign * std::ldexp(fraction, 1 - bias - mantissa);
  return sign * std::ldexp(fraction + (1u << mantissa), static_cast<int>(field) - bias - mantissa);
}

template <class T>
void decode_plain(std::span<const std::byte> bytes, std::vector<double>& out) {
  for (std::size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + i, sizeof(T));
    out.push_back(static_cast<double>(value));
  }
}

template <class T>
void encode_plain(std::span<const double> values, std::vector<std::byte>& out) {
  for (const double value : values) {
    T element;
    if constexpr (std::is_integral_v<T>) {
      const double low = static_cast<double>(std::numeric_limits<T>::lowest());
      const double high = static_cast<double>(std::numeric_limits<T>::max());
      const double rounded = std::nearbyint(value);
      element = rounded <= low    ? std::numeric_limits<T>::lowest()
                : rounded >= high ? std::numeric_limits<T>::max()
                                  : static_cast<T>(rounded);
    } else {
      element = static_cast<T>(value);
    }
    const auto raw = std::bit_cast<std::array<std::byte, sizeof(T)>>(element);
    out.insert(out.end(), raw.begin(), raw.end());
  }
}

void push_u16(std::vector<std::byte>& out, std::uint16_t bits) {
  out.push_back(static_cast<std::byte>(bits & 0xff));
  out.push_back(static_cast<std::byte>(bits >> 8));
}

std::uint16_t u16_at(std::span<const std::byte> bytes, std::size_t i) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[i]) | std::to_integer<unsigned>(bytes[i + 1]) << 8);
}

}  // namespace

std::uint16_t to_half_bits(double value) { return static_cast<std::uint16_t>(to_small_float(value, 10, 5)); }
std::uint16_t to_bfloat_bits(double value) { return static_cast<std::uint16_t>(to_small_float(value, 7, 8)); }
double from_half_bits(std::uint16_t bits) { return from_small_float(bits, 10, 5); }
double from_bfloat_bits(std::uint16_t bits) { return from_small_float(bits, 7, 8); }

std::vector<double> decode(DType type, std::span<const std::byte> bytes) {
  std::vector<double> out;
  out.reserve(bytes.size() / ops::info(type).block_bytes * ops::info(type).block_elements);
  switch (type) {
    case DType::F32:
      decode_plain<float>(bytes, out);
      break;
    case DType::I8:
      decode_plain<std::int8_t>(bytes, out);
      break;
    case DType::U8:
      decode_plain<std::uint8_t>(bytes, out);
      break;
    case DType::I16:
      decode_plain<std::int16_t>(bytes, out);
      break;
    case DType::U16:
      decode_plain<std::uint16_t>(bytes, out);
      break;
    case DType::I32:
      decode_plain<std::int32_t>(bytes, out);
      break;
    case DType::U32:
      decode_plain<std::uint32_t>(bytes, out);
      break;
    case DType::I64:
      decode_plain<std::int64_t>(bytes, out);
      break;
    case DType::U64:
      decode_plain<std::uint64_t>(bytes, out);
      break;
    case DType::F16:
      for (std::size_t i = 0; i + 2 <= bytes.size(); i += 2) out.push_back(from_half_bits(u16_at(bytes, i)));
      break;
    case DType::BF16:
      for (std::size_t i = 0; i + 2 <= bytes.size(); i += 2) out.push_back(from_bfloat_bits(u16_at(bytes, i)));
      break;
    default: {
      const auto& format = ops::info(type);
      for (std::size_t i = 0; i + format.block_bytes <= bytes.size(); i += format.block_bytes) {
        decode_block(type, bytes.subspan(i, format.block_bytes), out);
      }
    }
  }
  return out;
}

std::vector<std::byte> encode(DType type, std::span<const double> values) {
  std::vector<std::byte> out;
  out.reserve(ops::bytes_of(type, values.size()));
  switch (type) {
    case DType::F32:
      encode_plain<float>(values, out);
      break;
    case DType::I8:
      encode_plain<std::int8_t>(values, out);
      break;
    case DType::U8:
      encode_plain<std::uint8_t>(values, out);
      break;
    case DType::I16:
      encode_plain<std::int16_t>(values, out);
      break;
    case DType::U16:
      encode_plain<std::uint16_t>(values, out);
      break;
    case DType::I32:
      encode_plain<std::int32_t>(values, out);
      break;
    case DType::U32:
      encode_plain<std::uint32_t>(values, out);
      break;
    case DType::I64:
      encode_plain<std::int64_t>(values, out);
      break;
    case DType::U64:
      encode_plain<std::uint64_t>(values, out);
      break;
    case DType::F16:
      for (const double value : values) push_u16(out, to_half_bits(value));
      break;
    case DType::BF16:
      for (const double value : values) push_u16(out, to_bfloat_bits(value));
      break;
    default: {
      const std::size_t step = ops::info(type).block_elements;
      for (std::size_t i = 0; i + step <= values.size(); i += step) encode_block(type, values.subspan(i, step), out);
    }
  }
  return out;
}

}  // namespace anymetal::cases
