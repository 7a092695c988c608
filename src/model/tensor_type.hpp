#pragma once
/// \file
/// Element formats of GGUF tensors: plain numbers and block-quantised ones.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace anymetal::model {

/// The numbers are those stored in GGUF files.
enum class TensorType : std::uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q8_1 = 9,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  Q8_K = 15,
  IQ2_XXS = 16,
  IQ2_XS = 17,
  IQ3_XXS = 18,
  IQ1_S = 19,
  IQ4_NL = 20,
  IQ3_S = 21,
  IQ2_S = 22,
  IQ4_XS = 23,
  I8 = 24,
  I16 = 25,
  I32 = 26,
  I64 = 27,
  F64 = 28,
  IQ1_M = 29,
  BF16 = 30,
  TQ1_0 = 34,
  TQ2_0 = 35,
  MXFP4 = 39,
};

/// How a format is laid out: `block_elements` consecutive numbers of a row take `block_bytes` bytes.
struct TensorTypeTraits {
  std::string_view name;
  std::size_t block_elements = 1;
  std::size_t block_bytes = 0;
};

/// Traits of the format with this number in a file; nullopt for a number nobody has defined.
std::optional<TensorTypeTraits> find_tensor_type(std::uint32_t number);
/// Traits of a known format.
TensorTypeTraits traits(TensorType type);

}  // namespace anymetal::model
