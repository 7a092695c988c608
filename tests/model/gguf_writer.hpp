#pragma once
/// \file
/// Writes small GGUF files in memory, sound or deliberately not.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "model/gguf_value.hpp"
#include "model/tensor_type.hpp"

namespace anymetal::test {

using Bytes = std::vector<std::byte>;

/// Appends little-endian values.
class ByteWriter {
 public:
  template <class T>
  ByteWriter& put(T value) {
    const auto* first = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), first, first + sizeof(T));
    return *this;
  }
  ByteWriter& text(std::string_view value) {
    put<std::uint64_t>(value.size());
    for (const char c : value) put(c);
    return *this;
  }
  ByteWriter& append(const Bytes& other) {
    bytes_.insert(bytes_.end(), other.begin(), other.end());
    return *this;
  }
  ByteWriter& pad(std::size_t alignment) {
    while (bytes_.size() % alignment != 0) put<std::uint8_t>(0);
    return *this;
  }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  Bytes bytes_;
};

/// Collects metadata and tensors, then lays a version 3 file out.
class GgufWriter {
 public:
  template <class T>
  GgufWriter& value(std::string_view key, model::GgufType type, T value) {
    begin(key, type).put(value);
    return *this;
  }
  GgufWriter& text(std::string_view key, std::string_view value) {
    begin(key, model::GgufType::String).text(value);
    return *this;
  }
  GgufWriter& u32(std::string_view key, std::uint32_t v) { return value(key, model::GgufType::UInt32, v); }
  GgufWriter& f32(std::string_view key, float v) { return value(key, model::GgufType::Float32, v); }
  GgufWriter& flag(std::string_view key, bool v) { return value<std::uint8_t>(key, model::GgufType::Bool, v ? 1 : 0); }
  GgufWriter& texts(std::string_view key, const std::vector<std::string>& values) {
    begin_array(key, model::GgufType::String, values.size());
    for (const auto& v : values) metadata_.text(v);
    return *this;
  }
  template <class T>
  GgufWriter& array(std::string_view key, model::GgufType type, const std::vector<T>& values) {
    begin_array(key, type, values.size());
    for (const auto v : values) metadata_.put(v);
    return *this;
  }
  /// `data` is placed at the next multiple of the alignment.
  GgufWriter& tensor(std::string_view name, model::TensorType type, std::initializer_list<std::uint64_t> shape,
                     const Bytes& data) {
    data_.pad(kAlignment);
    tensors_.text(name).put(static_cast<std::uint32_t>(shape.size()));
    for (const auto extent : shape) tensors_.put(extent);
    tensors_.put(static_cast<std::uint32_t>(type)).put<std::uint64_t>(data_.size());
    data_.append(data);
    ++tensor_count_;
    return *this;
  }
  GgufWriter& version(std::uint32_t v) {
    version_ = v;
    return *this;
  }

  [[nodiscard]] Bytes bytes() const {
    ByteWriter file;
    file.put<std::uint32_t>(0x46554747).put(version_).put(tensor_count_).put(value_count_);
    file.append(metadata_.bytes()).append(tensors_.bytes()).pad(kAlignment).append(data_.bytes());
    return file.bytes();
  }
  /// Bytes before the padding that precedes tensor data.
  [[nodiscard]] std::size_t header_size() const { return 24 + metadata_.size() + tensors_.size(); }

 private:
  static constexpr std::size_t kAlignment = 32;

  ByteWriter& begin(std::string_view key, model::GgufType type) {
    ++value_count_;
    return metadata_.text(key).put(static_cast<std::uint32_t>(type));
  }
  void begin_array(std::string_view key, model::GgufType type, std::size_t count) {
    begin(key, model::GgufType::Array).put(static_cast<std::uint32_t>(type)).put<std::uint64_t>(count);
  }

  std::uint32_t version_ = 3;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t value_count_ = 0;
  ByteWriter metadata_;
  ByteWriter tensors_;
  ByteWriter data_;
};

}  // namespace anymetal::test
