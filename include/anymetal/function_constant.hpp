#pragma once
/// \file
/// Values for MSL function constants (`constant T name [[function_constant(index)]]`).

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

namespace anymetal {

/// `{index, value}` of a bool function constant.
struct BoolConstant {
  std::uint32_t index = 0;
  bool value = false;
};

/// `{index, value}` of an int function constant.
struct IntConstant {
  std::uint32_t index = 0;
  std::int32_t value = 0;
};

/// Scalar types a function constant may have (MSL specification, section 5.8.1; those of 64 bits and bfloat as in
/// Metal's `MTLDataType`).
enum class ConstantType : std::uint8_t { Bool, Char, UChar, Short, UShort, Int, UInt, Half, Float, Long, ULong, BFloat };

/// The largest index a function constant may be declared with.
inline constexpr std::uint32_t kLastConstantIndex = 65535;

/// Bytes of the largest value, four scalars of 64 bits.
inline constexpr std::size_t kMaxConstantSize = 32;

/// Size of one scalar of the type in bytes.
std::size_t size_of(ConstantType type) noexcept;
/// MSL spelling of the type with `components` lanes, e.g. "ushort" or "float4".
std::string to_string(ConstantType type, unsigned components = 1);

/// A typed scalar or 2-4 component vector. Thread contract: plain value.
class ConstantValue {
 public:
  ConstantValue(bool v);           // NOLINT(google-explicit-constructor): a constant reads as its value
  ConstantValue(std::int8_t v);    // NOLINT(google-explicit-constructor)
  ConstantValue(std::uint8_t v);   // NOLINT(google-explicit-constructor)
  ConstantValue(std::int16_t v);   // NOLINT(google-explicit-constructor)
  ConstantValue(std::uint16_t v);  // NOLINT(google-explicit-constructor)
  ConstantValue(std::int32_t v);   // NOLINT(google-explicit-constructor)
  ConstantValue(std::uint32_t v);  // NOLINT(google-explicit-constructor)
  ConstantValue(std::int64_t v);   // NOLINT(google-explicit-constructor)
  ConstantValue(std::uint64_t v);  // NOLINT(google-explicit-constructor)
  ConstantValue(float v);          // NOLINT(google-explicit-constructor)
  /// A half value, rounded to nearest even from `v`.
  static ConstantValue half(float v);
  /// A bfloat value, rounded to nearest even from `v`.
  static ConstantValue bfloat(float v);
  /// `components` (1-4) little-endian scalars of `type`, `components * size_of(type)` bytes read from `data`.
  static ConstantValue from_bytes(ConstantType type, unsigned components, const void* data);

  [[nodiscard]] ConstantType type() const noexcept { return type_; }
  [[nodiscard]] unsigned components() const noexcept { return components_; }
  /// Raw bytes, `components() * size_of(type())` of them significant, the rest zero.
  [[nodiscard]] const std::array<unsigned char, kMaxConstantSize>& bytes() const noexcept { return bytes_; }
  friend bool operator==(const ConstantValue&, const ConstantValue&) = default;

 private:
  ConstantValue(ConstantType type, unsigned components, const void* data);
  ConstantType type_;
  unsigned components_ = 1;
  std::array<unsigned char, kMaxConstantSize> bytes_{};
};

/// A value for the constant with this index, or with this declared name.
struct FunctionConstant {
  std::variant<std::uint32_t, std::string> which;
  ConstantValue value;
};

}  // namespace anymetal
