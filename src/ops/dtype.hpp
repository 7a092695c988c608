#pragma once
/// \file
/// Element types of tensors: plain scalars and the block-quantised formats of GGUF files.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace anymetal::ops {

/// What a tensor's bytes mean. Block layouts: docs of each decoder in kernels/common/blocks.h.
enum class DType : std::uint8_t {
  F32, F16, BF16, I8, U8, I16, U16, I32, U32, I64, U64,
  Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, MXFP4,
};
inline constexpr std::size_t kDTypeCount = static_cast<std::size_t>(DType::MXFP4) + 1;

/// Size facts of one type. Scalars are blocks of one element.
struct DTypeInfo {
  std::string_view name;      ///< "f32", "q4_K": as kernel names spell it
  std::size_t block_elements; ///< elements that share one block
  std::size_t block_bytes;
  std::size_t alignment;      ///< of a block in memory, bytes
};

inline constexpr std::array<DTypeInfo, kDTypeCount> kDTypes{{
    {"f32", 1, 4, 4},      {"f16", 1, 2, 2},      {"bf16", 1, 2, 2},     {"i8", 1, 1, 1},       {"u8", 1, 1, 1},
    {"i16", 1, 2, 2},      {"u16", 1, 2, 2},      {"i32", 1, 4, 4},      {"u32", 1, 4, 4},      {"i64", 1, 8, 8},
    {"u64", 1, 8, 8},      {"q4_0", 32, 18, 2},   {"q4_1", 32, 20, 2},   {"q5_0", 32, 22, 2},   {"q5_1", 32, 24, 2},
    {"q8_0", 32, 34, 2},   {"q2_K", 256, 84, 2},  {"q3_K", 256, 110, 2}, {"q4_K", 256, 144, 2}, {"q5_K", 256, 176, 2},
    {"q6_K", 256, 210, 2}, {"iq4_nl", 32, 18, 2}, {"iq4_xs", 256, 136, 2}, {"mxfp4", 32, 17, 1},
}};

[[nodiscard]] constexpr const DTypeInfo& info(DType type) { return kDTypes[static_cast<std::size_t>(type)]; }
[[nodiscard]] constexpr std::string_view name(DType type) { return info(type).name; }
[[nodiscard]] constexpr bool is_quantised(DType type) { return info(type).block_elements > 1; }

/// Bytes of `elements` consecutive elements; `elements` is a multiple of the block size.
[[nodiscard]] constexpr std::size_t bytes_of(DType type, std::size_t elements) {
  return elements / info(type).block_elements * info(type).block_bytes;
}

}  // namespace anymetal::ops
