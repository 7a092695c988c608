#pragma once
/// \file
/// Reads GGUF model files, version 2 and 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).

#include <anymetal/error.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/gguf_value.hpp"
#include "model/tensor_type.hpp"

namespace anymetal::model {

/// One tensor of a file. `data` lies wholly inside the file and has exactly the size that type and shape ask for.
struct GgufTensor {
  std::string_view name;
  TensorType type = TensorType::F32;
  unsigned dimensions = 1;
  std::array<std::size_t, 4> shape{1, 1, 1, 1};  ///< elements; shape[0] runs fastest in memory
  std::size_t file_offset = 0;                   ///< bytes from the start of the file
  std::span<const std::byte> data;

  [[nodiscard]] std::size_t columns() const { return shape[0]; }
  [[nodiscard]] std::size_t rows() const { return shape[1] * shape[2] * shape[3]; }
};

/// A parsed file. Thread contract: immutable; safe from any thread. Views into it live as long as it or `owner()`.
///
/// \code
///   auto file = anymetal::model::Gguf::open("gemma.gguf");
///   if (!file) return report(file.error());          // InvalidFile: "... truncated in the tensor list ..."
///   auto layers = file->integer("gemma3.block_count");
/// \endcode
class Gguf {
 public:
  /// Maps and checks the file. IoError where it cannot be read, InvalidFile where it is not a sound GGUF file.
  static Result<Gguf> open(const std::string& path);
  /// Checks bytes already in memory; `owner` keeps them alive.
  static Result<Gguf> parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

  [[nodiscard]] std::uint32_t version() const { return version_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }
  /// First byte of tensor data, from the start of the file.
  [[nodiscard]] std::size_t data_offset() const { return data_offset_; }

  [[nodiscard]] const std::vector<std::string_view>& keys() const { return keys_; }  ///< in file order
  [[nodiscard]] const std::vector<GgufTensor>& tensors() const { return tensors_; }  ///< in file order
  /// nullptr where the file has no such key or tensor.
  [[nodiscard]] const GgufValue* find(std::string_view key) const;
  [[nodiscard]] const GgufTensor* find_tensor(std::string_view name) const;

  /// Typed look-ups: InvalidFile names the key and both types where it is missing or of another kind.
  [[nodiscard]] Result<std::uint64_t> integer(std::string_view key) const;  ///< any integer type, not negative
  [[nodiscard]] Result<double> number(std::string_view key) const;          ///< float32, float64 or an integer
  [[nodiscard]] Result<bool> boolean(std::string_view key) const;
  [[nodiscard]] Result<std::string_view> text(std::string_view key) const;
  [[nodiscard]] Result<std::vector<std::string_view>> texts(std::string_view key) const;
  [[nodiscard]] Result<std::vector<float>> floats(std::string_view key) const;
  [[nodiscard]] Result<std::vector<std::int32_t>> integers(std::string_view key) const;  ///< int32 or uint32 elements
  /// InvalidFile names the tensor where the file lacks it.
  [[nodiscard]] Result<GgufTensor> tensor(std::string_view name) const;

 private:
  friend class GgufParser;
  Gguf() = default;

  std::shared_ptr<const void> owner_;
  std::span<const std::byte> bytes_;
  std::uint32_t version_ = 0;
  std::size_t data_offset_ = 0;
  std::vector<std::string_view> keys_;
  std::unordered_map<std::string_view, GgufValue> values_;
  std::vector<GgufTensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> tensor_index_;
};

}  // namespace anymetal::model
