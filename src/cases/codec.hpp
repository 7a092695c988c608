#pragma once
/// \file
/// Element types on the host: float64 values to bytes and back, written from the formats' definitions and independent
/// of the kernels' decoders.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ops/dtype.hpp"

namespace anymetal::cases {

using ops::DType;

/// IEEE binary16 and bfloat16 bits of a value, rounded to nearest even; NaN stays NaN, overflow gives infinity.
[[nodiscard]] std::uint16_t to_half_bits(double value);
[[nodiscard]] std::uint16_t to_bfloat_bits(double value);
[[nodiscard]] double from_half_bits(std::uint16_t bits);
[[nodiscard]] double from_bfloat_bits(std::uint16_t bits);

/// Values of `elements` consecutive elements.
[[nodiscard]] std::vector<double> decode(DType type, std::span<const std::byte> bytes);

/// Bytes of the values, quantised where the type is: integers round to nearest and saturate, blocks are fitted by a
/// plain search per block. `values.size()` is a multiple of the block size.
[[nodiscard]] std::vector<std::byte> encode(DType type, std::span<const double> values);

}  // namespace anymetal::cases
