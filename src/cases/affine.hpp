#pragma once
/// \file
/// The affine weight format on the host: rows of unsigned codes, packed from the low bits up.

#include <array>
#include <cstddef>
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

/// Random codes of this width.
[[nodiscard]] inline Problem::Values affine_codes(Random& random, std::size_t count, std::size_t bits) {
  Problem::Values codes(count);
  for (double& code : codes) code = static_cast<double>(random.below(std::uint64_t{1} << bits));
  return codes;
}

/// Rows of `columns` codes as the bit stream a kernel reads; what pads a row is set, to be noticed when read.
[[nodiscard]] inline std::vector<std::byte> pack_affine(const Problem::Values& codes, std::size_t columns,
                                                        std::size_t bits) {
  const std::size_t row_bytes = affine_row_bytes(columns, bits), rows = codes.size() / columns;
  std::vector<std::byte> bytes(rows * row_bytes, std::byte{0});
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t bit = 0; bit < row_bytes * 8; ++bit) {
      const std::size_t column = bit / bits;
      const bool set =
          column >= columns || (static_cast<std::size_t>(codes[row * columns + column]) >> (bit % bits) & 1) != 0;
      if (set) bytes[row * row_bytes + bit / 8] |= std::byte{1} << (bit % 8);
    }
  }
  return bytes;
}

}  // namespace anymetal::cases
