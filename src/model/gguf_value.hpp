#pragma once
/// \file
/// Metadata values of GGUF files.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

namespace anymetal::model {

/// The numbers are those stored in GGUF files; they are also the alternatives' positions in `GgufValue`.
enum class GgufType : std::uint32_t {
  UInt8,
  Int8,
  UInt16,
  Int16,
  UInt32,
  Int32,
  Float32,
  Bool,
  String,
  Array,
  UInt64,
  Int64,
  Float64,
};
inline constexpr std::uint32_t kGgufTypes = 13;

/// The spelling used in error messages, e.g. "uint32".
std::string_view to_string(GgufType type);

/// An array as it lies in the file, every element's length already checked.
struct GgufArray {
  GgufType element_type = GgufType::UInt8;
  std::size_t count = 0;
  std::span<const std::byte> bytes;
};

using GgufValue = std::variant<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t, std::int32_t,
                               float, bool, std::string_view, GgufArray, std::uint64_t, std::int64_t, double>;
static_assert(std::variant_size_v<GgufValue> == kGgufTypes);

inline GgufType type_of(const GgufValue& value) { return static_cast<GgufType>(value.index()); }

}  // namespace anymetal::model
