#include "registry/label_parser.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

namespace anymetal::registry {

namespace {

constexpr std::pair<std::string_view, ConstantType> kMarkers[] = {
    {"uc", ConstantType::UChar},  {"us", ConstantType::UShort}, {"ul", ConstantType::ULong},
    {"bf", ConstantType::BFloat}, {"b", ConstantType::Bool},    {"c", ConstantType::Char},
    {"s", ConstantType::Short},   {"i", ConstantType::Int},     {"u", ConstantType::UInt},
    {"l", ConstantType::Long},    {"h", ConstantType::Half},    {"f", ConstantType::Float}};

template <class T>
std::optional<T> number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class T>
bool store_integer(std::string_view text, unsigned char* bytes) {
  const auto value = number<T>(text);
  if (value) std::memcpy(bytes, &*value, sizeof *value);
  return value.has_value();
}

bool store_bits(std::string_view digits, std::size_t size, unsigned char* bytes) {
  const auto bits = number<std::uint32_t>(digits, 16);
  if (!bits || (size == 2 && *bits > 0xffff)) return false;
  std::memcpy(bytes, &*bits, size);
  return true;
}

bool store_real(std::string_view text, ConstantType type, unsigned char* bytes) {
  if (text.starts_with("nan:")) return store_bits(text.substr(4), size_of(type), bytes);
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  const auto constant = type == ConstantType::Half     ? ConstantValue::half(value)
                        : type == ConstantType::BFloat ? ConstantValue::bfloat(value)
                                                       : ConstantValue(value);
  std::memcpy(bytes, constant.bytes().data(), size_of(type));
  return true;
}

bool store_scalar(std::string_view text, ConstantType type, unsigned char* bytes) {
  switch (type) {
    case ConstantType::Bool:
      bytes[0] = text == "1" ? 1 : 0;
      return text == "0" || text == "1";
    case ConstantType::Char: return store_integer<std::int8_t>(text, bytes);
    case ConstantType::UChar: return store_integer<std::uint8_t>(text, bytes);
    case ConstantType::Short: return store_integer<std::int16_t>(text, bytes);
    case ConstantType::UShort: return store_integer<std::uint16_t>(text, bytes);
    case ConstantType::Int: return store_integer<std::int32_t>(text, bytes);
    case ConstantType::UInt: return store_integer<std::uint32_t>(text, bytes);
    case ConstantType::Long: return store_integer<std::int64_t>(text, bytes);
    case ConstantType::ULong: return store_integer<std::uint64_t>(text, bytes);
    case ConstantType::Half:
    case ConstantType::BFloat:
    case ConstantType::Float: return store_real(text, type, bytes);
  }
  return false;
}

// Cuts `text` at the first `separator`; the rest goes back into `text`.
std::string_view cut(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const auto head = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return head;
}

std::optional<FunctionConstant> parse_constant(std::string_view text) {
  const auto index = number<std::uint32_t>(cut(text, ':'));
  if (!index) return std::nullopt;
  for (const auto& [marker, type] : kMarkers) {
    if (!text.starts_with(marker)) continue;
    auto values = text.substr(marker.size());
    const bool is_vector = values.starts_with('(');
    if (is_vector && !values.ends_with(')')) return std::nullopt;
    if (is_vector) values = values.substr(1, values.size() - 2);
    std::array<unsigned char, kMaxConstantSize> bytes{};
    unsigned components = 0;
    do {
      if (components == 4 || !store_scalar(cut(values, ','), type, bytes.data() + components * size_of(type))) return std::nullopt;
      ++components;
    } while (!values.empty());
    if (is_vector != (components > 1)) return std::nullopt;
    return FunctionConstant{*index, ConstantValue::from_bytes(type, components, bytes.data())};
  }
  return std::nullopt;
}

}  // namespace

Result<ParsedLabel> parse_label(std::string_view label) {
  std::string_view rest = label;
  ParsedLabel parsed{std::string(cut(rest, '|')), {}};
  if (parsed.name.empty()) return fail(ErrorCode::InvalidArgument, fmt::format("'{}' is not a pipeline's key: it has no name", label.substr(0, 200)));
  while (!rest.empty()) {
    const auto text = cut(rest, '|');
    auto constant = parse_constant(text);
    if (!constant) {
      return fail(ErrorCode::InvalidArgument, fmt::format("'{}' is not a pipeline's key: '{}' is not a constant such as '300:i4'",
                                                          label.substr(0, 200), text.substr(0, 200)));
    }
    parsed.constants.push_back(std::move(*constant));
  }
  return parsed;
}

}  // namespace anymetal::registry
