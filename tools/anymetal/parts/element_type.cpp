#include "parts/element_type.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "parts/text.hpp"

namespace anymetal::cli {

namespace {

struct TypeName {
  ElementType type;
  std::string_view name;
  std::string_view msl;
  std::size_t size;
};

constexpr std::array kTypes{
    TypeName{ElementType::F32, "f32", "float", 4}, TypeName{ElementType::F16, "f16", "half", 2},
    TypeName{ElementType::I8, "i8", "char", 1},    TypeName{ElementType::I16, "i16", "short", 2},
    TypeName{ElementType::I32, "i32", "int", 4},   TypeName{ElementType::I64, "i64", "long", 8},
    TypeName{ElementType::U8, "u8", "uchar", 1},   TypeName{ElementType::U16, "u16", "ushort", 2},
    TypeName{ElementType::U32, "u32", "uint", 4},  TypeName{ElementType::U64, "u64", "ulong", 8},
};

template <class T>
void append_bytes(const T& value, std::vector<std::byte>& out) {
  const auto bytes = std::as_bytes(std::span<const T, 1>(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::unexpected<Error> not_a(ElementType type, std::string_view text) {
  return fail(ErrorCode::InvalidArgument, fmt::format("'{}' is not a value of type {}", text, name_of(type)));
}

template <class T>
Result<void> append_integer(ElementType type, std::string_view text, std::vector<std::byte>& out) {
  const auto value = parse_number<T>(text);
  if (!value) return not_a(type, text);
  append_bytes(*value, out);
  return {};
}

}  // namespace

std::size_t size_of(ElementType type) noexcept { return kTypes[static_cast<std::size_t>(type)].size; }

std::string_view name_of(ElementType type) noexcept { return kTypes[static_cast<std::size_t>(type)].name; }

std::optional<ElementType> element_type_from_name(std::string_view name) noexcept {
  for (const TypeName& known : kTypes) {
    if (known.name == name || known.msl == name) return known.type;
  }
  return std::nullopt;
}

Result<void> append_value(ElementType type, std::string_view text, std::vector<std::byte>& out) {
  switch (type) {
    case ElementType::I8:
      return append_integer<std::int8_t>(type, text, out);
    case ElementType::I16:
      return append_integer<std::int16_t>(type, text, out);
    case ElementType::I32:
      return append_integer<std::int32_t>(type, text, out);
    case ElementType::I64:
      return append_integer<std::int64_t>(type, text, out);
    case ElementType::U8:
      return append_integer<std::uint8_t>(type, text, out);
    case ElementType::U16:
      return append_integer<std::uint16_t>(type, text, out);
    case ElementType::U32:
      return append_integer<std::uint32_t>(type, text, out);
    case ElementType::U64:
      return append_integer<std::uint64_t>(type, text, out);
    case ElementType::F32:
    case ElementType::F16:
      break;
  }
  const auto value = parse_number<float>(text);
  if (!value) return not_a(type, text);
  if (type == ElementType::F32) {
    append_bytes(*value, out);
  } else {
    append_bytes(static_cast<_Float16>(*value), out);
  }
  return {};
}

Result<std::vector<std::byte>> parse_values(ElementType type, std::string_view text) {
  std::vector<std::byte> bytes;
  for (const std::string_view part : split(text, ',')) {
    if (auto appended = append_value(type, part, bytes); !appended) return std::unexpected(appended.error());
  }
  return bytes;
}

}  // namespace anymetal::cli
