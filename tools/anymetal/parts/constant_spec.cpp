#include "parts/constant_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "parts/element_type.hpp"
#include "parts/text.hpp"

namespace anymetal::cli {

namespace {

struct ConstantTypeName {
  std::string_view name;
  ConstantType type;
  ElementType element;
};

constexpr std::array kConstantTypes{
    ConstantTypeName{"bool", ConstantType::Bool, ElementType::U8},
    ConstantTypeName{"char", ConstantType::Char, ElementType::I8},
    ConstantTypeName{"uchar", ConstantType::UChar, ElementType::U8},
    ConstantTypeName{"short", ConstantType::Short, ElementType::I16},
    ConstantTypeName{"ushort", ConstantType::UShort, ElementType::U16},
    ConstantTypeName{"int", ConstantType::Int, ElementType::I32},
    ConstantTypeName{"uint", ConstantType::UInt, ElementType::U32},
    ConstantTypeName{"half", ConstantType::Half, ElementType::F16},
    ConstantTypeName{"float", ConstantType::Float, ElementType::F32},
    ConstantTypeName{"long", ConstantType::Long, ElementType::I64},
    ConstantTypeName{"ulong", ConstantType::ULong, ElementType::U64},
    ConstantTypeName{"bfloat", ConstantType::BFloat, ElementType::F32},  // to be rounded
};

/// The f32 values in `bytes`, rounded.
std::vector<std::byte> bfloats(std::span<const std::byte> bytes) {
  std::vector<std::byte> rounded;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    const ConstantValue constant = ConstantValue::bfloat(value);
    const auto significant = std::as_bytes(std::span(constant.bytes())).first(size_of(ConstantType::BFloat));
    rounded.insert(rounded.end(), significant.begin(), significant.end());
  }
  return rounded;
}

/// The type that a name such as `float4` means.
std::optional<std::pair<ConstantType, unsigned>> constant_type(std::string_view name) {
  unsigned components = 1;
  if (!name.empty() && name.back() >= '2' && name.back() <= '4') {
    components = static_cast<unsigned>(name.back() - '0');
    name.remove_suffix(1);
  }
  const auto* known = std::ranges::find(kConstantTypes, name, &ConstantTypeName::name);
  if (known == kConstantTypes.end()) return std::nullopt;
  return std::pair(known->type, components);
}

std::unexpected<Error> wrong(std::string_view text, std::string_view why) {
  return fail(ErrorCode::InvalidArgument, fmt::format("--constant {}: {}", text, why));
}

}  // namespace

std::optional<ConstantValue> constant_value(ConstantType type, unsigned components, std::string_view values) {
  const auto* known = std::ranges::find(kConstantTypes, type, &ConstantTypeName::type);
  const auto parts = split(values, ',');
  if (known == kConstantTypes.end() || parts.size() != components) return std::nullopt;
  std::vector<std::byte> bytes;
  for (std::string_view part : parts) {
    if (type == ConstantType::Bool) {
      if (part != "true" && part != "false" && part != "0" && part != "1") return std::nullopt;
      part = part == "true" || part == "1" ? "1" : "0";
    }
    if (!append_value(known->element, part, bytes)) return std::nullopt;
  }
  if (type == ConstantType::BFloat) bytes = bfloats(bytes);
  return ConstantValue::from_bytes(type, components, bytes.data());
}

Result<ConstantSpec> parse_constant(std::string_view text) {
  constexpr std::string_view kForm =
      "expected NAME=VALUE, NAME=TYPE:VALUE or an index in the place of the name, e.g. use_mask=true, 100=int:4, "
      "7=float2:0.5,1";
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size()) return wrong(text, kForm);
  const std::string_view name = text.substr(0, equals);
  const std::string_view written = text.substr(equals + 1);
  ConstantSpec spec{std::string(name), std::nullopt, std::string(written)};
  if (std::isdigit(static_cast<unsigned char>(name.front())) != 0) {
    const auto index = parse_number<std::uint32_t>(name);
    if (!index) return wrong(text, kForm);
    if (*index > kLastConstantIndex)
      return wrong(text, fmt::format("the index of a function constant is at most {}", kLastConstantIndex));
    spec.which = *index;
  }
  const std::size_t colon = written.find(':');
  if (colon == std::string_view::npos) return spec;
  const std::string_view type_name = written.substr(0, colon);
  const auto type = constant_type(type_name);
  if (!type) return wrong(text, fmt::format("no function constant can have the type '{}'", type_name));
  spec.value = constant_value(type->first, type->second, written.substr(colon + 1));
  if (!spec.value)
    return wrong(text, fmt::format("'{}' is not a value of type {}", written.substr(colon + 1), type_name));
  return spec;
}

}  // namespace anymetal::cli
