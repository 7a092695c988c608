#pragma once
/// \file
/// The affine weight format on the host: w = scale * code + bias with unsigned codes, packed from the low bits up, and
/// a scale and a bias for every group of a row. Source: MLX.

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "cases/problem.hpp"

namespace anymetal::cases {

/// Widths of the codes.
inline constexpr std::array<std::size_t, 5> kAffineBits = {2, 3, 4, 6, 8};

/// Bytes of a row of n codes: 2, 4 and 8 bits fill words of 32 bits, 3 bits 3 bytes of 8 codes, 6 bits 3 bytes of 4
/// codes.
[[nodiscard]] constexpr std::size_t affine_row_bytes(std::size_t n, std::size_t bits) {
  const std::size_t unit = bits == 3 || bits == 6 ? 3 : 4, codes = unit * 8 / bits;
  return (n + codes - 1) / codes * unit;
}

/// How a matrix is coded.
struct AffineFormat {
  std::size_t columns, group, bits;
  DType scales = DType::BF16;  ///< bf16, f16 or f32, of the biases too
  [[nodiscard]] std::size_t groups() const { return (columns + group - 1) / group; }
};

/// Codes [rows, columns]; scales and biases [rows, groups], values of `format.scales`.
struct AffineWeights {
  std::vector<double> codes, scales, biases;
};

/// Fits each group to its least and largest value. Both are within the codes' range although scale and bias are
/// rounded: the bias down, the scale up. So no value is further from its code than half a scale. `values` are whole
/// rows of finite numbers.
[[nodiscard]] AffineWeights quantise_affine(std::span<const double> values, const AffineFormat& format);

/// The weights that the codes stand for, in float64.
[[nodiscard]] std::vector<double> dequantise_affine(const AffineWeights& weights, const AffineFormat& format);

/// Random codes of this width.
[[nodiscard]] std::vector<double> affine_codes(Random& random, std::size_t count, std::size_t bits);

/// Rows of `columns` codes as the bit stream a kernel reads; what pads a row is set, to be noticed when read.
[[nodiscard]] std::vector<std::byte> pack_affine(std::span<const double> codes, std::size_t columns, std::size_t bits);

/// The codes of packed rows.
[[nodiscard]] std::vector<double> unpack_affine(std::span<const std::byte> bytes, std::size_t columns,
                                                std::size_t bits);

}  // namespace anymetal::cases
