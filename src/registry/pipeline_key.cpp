#include "registry/pipeline_key.hpp"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

namespace anymetal::registry {

namespace {

// Place of a type in the label: bools, then ints, then the general form's types.
unsigned rank(ConstantType type) {
  switch (type) {
    case ConstantType::Bool: return 0;
    case ConstantType::Int: return 1;
    case ConstantType::Char: return 2;
    case ConstantType::UChar: return 3;
    case ConstantType::Short: return 4;
    case ConstantType::UShort: return 5;
    case ConstantType::UInt: return 6;
    case ConstantType::Half: return 7;
    case ConstantType::Float: return 8;
    case ConstantType::Long: return 9;
    case ConstantType::ULong: return 10;
    case ConstantType::BFloat: return 11;
  }
  return 12;
}

bool before(const KeyConstant& a, const KeyConstant& b) {
  const unsigned ra = rank(a.type);
  const unsigned rb = rank(b.type);
  return ra != rb ? ra < rb : a.index < b.index;
}

std::string_view marker(ConstantType type) {
  static constexpr std::string_view kMarkers[] = {"b", "c", "uc", "s", "us", "i", "u", "h", "f", "l", "ul", "bf"};
  return kMarkers[static_cast<std::size_t>(type)];
}

template <class T>
T load(const unsigned char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

float half_value(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int mantissa = bits & 0x3ff;
  const float magnitude = exponent == 31 ? INFINITY
                          : exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                          : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

template <class T>
void append_number(std::string& text, T value) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  text.append(digits.data(), end);
}

void append_scalar(std::string& text, ConstantType type, const unsigned char* bytes) {
  switch (type) {
    case ConstantType::Bool: text += bytes[0] != 0 ? '1' : '0'; break;
    case ConstantType::Char: append_number(text, int{load<std::int8_t>(bytes)}); break;
    case ConstantType::UChar: append_number(text, int{bytes[0]}); break;
    case ConstantType::Short: append_number(text, load<std::int16_t>(bytes)); break;
    case ConstantType::UShort: append_number(text, load<std::uint16_t>(bytes)); break;
    case ConstantType::Int: append_number(text, load<std::int32_t>(bytes)); break;
    case ConstantType::UInt: append_number(text, load<std::uint32_t>(bytes)); break;
    case ConstantType::Long: append_number(text, load<std::int64_t>(bytes)); break;
    case ConstantType::ULong: append_number(text, load<std::uint64_t>(bytes)); break;
    case ConstantType::BFloat: {
      const auto bits = load<std::uint16_t>(bytes);
      if ((bits & 0x7fff) > 0x7f80) {
        text += fmt::format("nan:{:04x}", bits);
      } else {
        append_number(text, std::bit_cast<float>(std::uint32_t{bits} << 16));
      }
      break;
    }
    case ConstantType::Half: {
      const auto bits = load<std::uint16_t>(bytes);
      if ((bits & 0x7fff) > 0x7c00) {
        text += fmt::format("nan:{:04x}", bits);
      } else {
        append_number(text, half_value(bits));
      }
      break;
    }
    case ConstantType::Float: {
      const auto value = load<float>(bytes);
      if (std::isnan(value)) {
        text += fmt::format("nan:{:08x}", load<std::uint32_t>(bytes));
      } else {
        append_number(text, value);
      }
      break;
    }
  }
}

Result<void> check_indices(std::span<const KeyConstant> constants) {
  const auto conflict = [](std::uint32_t index) {
    return fail(ErrorCode::FunctionConstantError, fmt::format("function constant {} is given two different values", index));
  };
  constexpr std::size_t kFew = 16;
  if (constants.size() <= kFew) {  // the usual case, without an allocation
    for (std::size_t i = 1; i < constants.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (constants[i].index == constants[j].index) return conflict(constants[i].index);
      }
    }
    return {};
  }
  std::vector<std::uint32_t> indices;
  for (const auto& c : constants) indices.push_back(c.index);
  std::ranges::sort(indices);
  if (const auto twice = std::ranges::adjacent_find(indices); twice != indices.end()) return conflict(*twice);
  return {};
}

}  // namespace

void CanonicalConstants::add(BoolConstant constant) {
  push({constant.index, ConstantType::Bool, 1, 0, {static_cast<unsigned char>(constant.value)}});
}
void CanonicalConstants::add(IntConstant constant) {
  KeyConstant key{constant.index, ConstantType::Int, 1, 0, {}};
  std::memcpy(key.bytes.data(), &constant.value, sizeof constant.value);
  push(key);
}
void CanonicalConstants::add(std::uint32_t index, const ConstantValue& value) {
  push({index, value.type(), static_cast<std::uint8_t>(value.components()), 0, value.bytes()});
}

void CanonicalConstants::push(const KeyConstant& constant) {
  if (size_ < kInline) {
    inline_[size_++] = constant;
    return;
  }
  if (heap_.empty()) heap_.assign(inline_.begin(), inline_.end());
  heap_.push_back(constant);
  ++size_;
}

std::span<KeyConstant> CanonicalConstants::all() { return {size_ <= kInline ? inline_.data() : heap_.data(), size_}; }
std::span<const KeyConstant> CanonicalConstants::view() const {
  return {size_ <= kInline ? inline_.data() : heap_.data(), size_};
}

Result<void> CanonicalConstants::finish() {
  if (size_ < 2) return {};
  const auto constants = all();
  if (!std::ranges::is_sorted(constants, before)) std::ranges::sort(constants, before);
  const auto repeats = std::ranges::unique(constants);
  const auto distinct = constants.size() - repeats.size();
  auto ok = check_indices(constants.first(distinct));
  if (distinct <= kInline && size_ > kInline) std::ranges::copy(constants.first(distinct), inline_.begin());
  size_ = distinct;
  return ok;
}

PipelineKeyView::PipelineKeyView(const device::Backend* on, std::string_view kernel, std::span<const KeyConstant> values)
    : backend(on), name(kernel), constants(values) {
  hash = XXH3_64bits_withSeed(name.data(), name.size(), reinterpret_cast<std::uintptr_t>(backend));
  if (!constants.empty()) hash = XXH3_64bits_withSeed(constants.data(), constants.size_bytes(), hash);
}

PipelineKey::PipelineKey(const PipelineKeyView& view)
    : backend(view.backend), name(view.name), constants(view.constants.begin(), view.constants.end()), hash(view.hash) {}

bool PipelineKey::matches(const PipelineKeyView& other) const {
  return hash == other.hash && backend == other.backend && name == other.name &&
         constants.size() == other.constants.size() &&
         (constants.empty() || std::memcmp(constants.data(), other.constants.data(), other.constants.size_bytes()) == 0);
}

std::string make_label(std::string_view name, std::span<const KeyConstant> constants) {
  std::string label(name);
  for (const auto& constant : constants) {
    label += fmt::format("|{}:{}", constant.index, marker(constant.type));
    if (constant.components > 1) label += '(';
    for (unsigned i = 0; i < constant.components; ++i) {
      if (i > 0) label += ',';
      append_scalar(label, constant.type, constant.bytes.data() + i * size_of(constant.type));
    }
    if (constant.components > 1) label += ')';
  }
  return label;
}

std::vector<FunctionConstant> to_function_constants(std::span<const KeyConstant> constants) {
  std::vector<FunctionConstant> values;
  values.reserve(constants.size());
  for (const auto& c : constants) {
    values.push_back({c.index, ConstantValue::from_bytes(c.type, c.components, c.bytes.data())});
  }
  return values;
}

}  // namespace anymetal::registry
