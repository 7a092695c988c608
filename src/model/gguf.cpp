#include "model/gguf.hpp"

#include <fmt/format.h>

#include <concepts>
#include <type_traits>

#include "model/gguf_cursor.hpp"

namespace anymetal::model {

namespace {

std::unexpected<Error> missing(std::string_view key) {
  return fail(ErrorCode::InvalidFile, fmt::format("the model file has no metadata key '{}'", key));
}

std::unexpected<Error> wrong_type(std::string_view key, const GgufValue& value, std::string_view wanted) {
  std::string found(to_string(type_of(value)));
  if (const auto* array = std::get_if<GgufArray>(&value))
    found += fmt::format(" of {}", to_string(array->element_type));
  return fail(ErrorCode::InvalidFile,
              fmt::format("metadata key '{}' is of type {}, where {} is needed", key, found, wanted));
}

/// The array under `key` if its elements are of one of the two types.
Result<GgufArray> find_array(const Gguf& file, std::string_view key, GgufType first, GgufType second,
                             std::string_view wanted) {
  const auto* value = file.find(key);
  if (value == nullptr) return missing(key);
  const auto* array = std::get_if<GgufArray>(value);
  if (array == nullptr || (array->element_type != first && array->element_type != second)) {
    return wrong_type(key, *value, wanted);
  }
  return *array;
}

template <class T>
Result<std::vector<T>> copy_elements(const Result<GgufArray>& array) {
  if (!array) return std::unexpected(array.error());
  std::vector<T> result(array->count);
  if (array->count != 0) std::memcpy(result.data(), array->bytes.data(), array->count * sizeof(T));
  return result;
}

}  // namespace

std::string_view to_string(GgufType type) {
  switch (type) {
    case GgufType::UInt8:
      return "uint8";
    case GgufType::Int8:
      return "int8";
    case GgufType::UInt16:
      return "uint16";
    case GgufType::Int16:
      return "int16";
    case GgufType::UInt32:
      return "uint32";
    case GgufType::Int32:
      return "int32";
    case GgufType::Float32:
      return "float32";
    case GgufType::Bool:
      return "bool";
    case GgufType::String:
      return "string";
    case GgufType::Array:
      return "array";
    case GgufType::UInt64:
      return "uint64";
    case GgufType::Int64:
      return "int64";
    case GgufType::Float64:
      return "float64";
  }
  return "unknown";
}

const GgufValue* Gguf::find(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

const GgufTensor* Gguf::find_tensor(std::string_view name) const {
  const auto found = tensor_index_.find(name);
  return found == tensor_index_.end() ? nullptr : &tensors_[found->second];
}

Result<GgufTensor> Gguf::tensor(std::string_view name) const {
  if (const auto* found = find_tensor(name)) return *found;
  return fail(ErrorCode::InvalidFile, fmt::format("the model file has no tensor '{}'", name));
}

Result<std::uint64_t> Gguf::integer(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return missing(key);
  return std::visit(
      [&](const auto& v) -> Result<std::uint64_t> {
        using T = std::remove_cvref_t<decltype(v)>;
        if constexpr (std::integral<T> && !std::same_as<T, bool>) {
          if (v >= T{0}) return static_cast<std::uint64_t>(v);
        }
        return wrong_type(key, *value, "an integer that is not negative");
      },
      *value);
}

Result<double> Gguf::number(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return missing(key);
  return std::visit(
      [&](const auto& v) -> Result<double> {
        using T = std::remove_cvref_t<decltype(v)>;
        if constexpr (std::is_arithmetic_v<T> && !std::same_as<T, bool>) return static_cast<double>(v);
        return wrong_type(key, *value, "a number");
      },
      *value);
}

Result<bool> Gguf::boolean(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return missing(key);
  if (const auto* flag = std::get_if<bool>(value)) return *flag;
  return wrong_type(key, *value, "bool");
}

Result<std::string_view> Gguf::text(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr) return missing(key);
  if (const auto* string = std::get_if<std::string_view>(value)) return *string;
  return wrong_type(key, *value, "string");
}

Result<std::vector<std::string_view>> Gguf::texts(std::string_view key) const {
  const auto array = find_array(*this, key, GgufType::String, GgufType::String, "an array of string");
  if (!array) return std::unexpected(array.error());
  GgufCursor cursor(array->bytes);
  std::vector<std::string_view> result(array->count);
  for (auto& text : result) text = cursor.read_string();
  return result;
}

Result<std::vector<float>> Gguf::floats(std::string_view key) const {
  return copy_elements<float>(find_array(*this, key, GgufType::Float32, GgufType::Float32, "an array of float32"));
}

Result<std::vector<std::int32_t>> Gguf::integers(std::string_view key) const {
  return copy_elements<std::int32_t>(find_array(*this, key, GgufType::Int32, GgufType::UInt32, "an array of int32"));
}

}  // namespace anymetal::model
