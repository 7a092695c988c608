#include <anymetal/function_constant.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

namespace anymetal {

namespace {

// IEEE binary16 bits of `v`, rounded to nearest even. Spelled out: not every supported compiler has _Float16.
std::uint16_t half_bits(float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<std::uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // 65520 and above round to infinity
  std::uint32_t mantissa = 0;  // the half's bits followed by `dropped` bits to round away
  unsigned dropped = 13;
  if (magnitude >= 0x38800000u) {
    mantissa = magnitude - 0x38000000u;
  } else {  // subnormal half
    const unsigned exponent = magnitude >> 23;
    if (exponent < 102) return static_cast<std::uint16_t>(sign);
    mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    dropped = 126 - exponent;
  }
  const std::uint32_t half = 1u << (dropped - 1);
  const std::uint32_t rest = mantissa & ((1u << dropped) - 1);
  std::uint32_t result = mantissa >> dropped;
  if (rest > half || (rest == half && (result & 1u) != 0)) ++result;
  return static_cast<std::uint16_t>(sign | result);
}

// The upper half of a binary32, rounded to nearest even; a NaN stays one.
std::uint16_t bfloat_bits(float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace

std::size_t size_of(ConstantType type) noexcept {
  switch (type) {
    case ConstantType::Bool:
    case ConstantType::Char:
    case ConstantType::UChar: return 1;
    case ConstantType::Short:
    case ConstantType::UShort:
    case ConstantType::Half:
    case ConstantType::BFloat: return 2;
    case ConstantType::Int:
    case ConstantType::UInt:
    case ConstantType::Float: return 4;
    case ConstantType::Long:
    case ConstantType::ULong: return 8;
  }
  return 0;
}

std::string to_string(ConstantType type, unsigned components) {
  static constexpr const char* kNames[] = {"bool", "char", "uchar", "short", "ushort", "int",
                                             "uint", "half", "float", "long",  "ulong",  "bfloat"};
  std::string text = kNames[static_cast<std::size_t>(type)];
  if (components > 1) text += std::to_string(components);
  return text;
}

ConstantValue::ConstantValue(ConstantType type, unsigned components, const void* data)
    : type_(type), components_(std::clamp(components, 1u, 4u)) {
  std::memcpy(bytes_.data(), data, components_ * size_of(type));
  if (type == ConstantType::Bool) {  // a bool is stored as 0 or 1, so that equal values have equal bytes
    for (auto& byte : bytes_) byte = byte != 0 ? 1 : 0;
  }
}

ConstantValue::ConstantValue(bool v) : ConstantValue(ConstantType::Bool, 1, &v) {}
ConstantValue::ConstantValue(std::int8_t v) : ConstantValue(ConstantType::Char, 1, &v) {}
ConstantValue::ConstantValue(std::uint8_t v) : ConstantValue(ConstantType::UChar, 1, &v) {}
ConstantValue::ConstantValue(std::int16_t v) : ConstantValue(ConstantType::Short, 1, &v) {}
ConstantValue::ConstantValue(std::uint16_t v) : ConstantValue(ConstantType::UShort, 1, &v) {}
ConstantValue::ConstantValue(std::int32_t v) : ConstantValue(ConstantType::Int, 1, &v) {}
ConstantValue::ConstantValue(std::uint32_t v) : ConstantValue(ConstantType::UInt, 1, &v) {}
ConstantValue::ConstantValue(std::int64_t v) : ConstantValue(ConstantType::Long, 1, &v) {}
ConstantValue::ConstantValue(std::uint64_t v) : ConstantValue(ConstantType::ULong, 1, &v) {}
ConstantValue::ConstantValue(float v) : ConstantValue(ConstantType::Float, 1, &v) {}

ConstantValue ConstantValue::half(float v) {
  const std::uint16_t bits = half_bits(v);
  return {ConstantType::Half, 1, &bits};
}
ConstantValue ConstantValue::bfloat(float v) {
  const std::uint16_t bits = bfloat_bits(v);
  return {ConstantType::BFloat, 1, &bits};
}
ConstantValue ConstantValue::from_bytes(ConstantType type, unsigned components, const void* data) {
  return {type, components, data};
}

}  // namespace anymetal
