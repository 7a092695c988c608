#pragma once
/// \file
/// The affine weight format on the host: rows of unsigned codes, packed from the low bits up.

#include <cstddef>
#include <vector>

#include "cases/problem.hpp"

namespace anymetal::cases {

/// Bytes of a row of n codes: whole words of 8 codes (4 bits), 3 bytes of 4 codes (6 bits), words of 4 codes (8 bits).
[[nodiscard]] constexpr std::size_t affine_row_bytes(std::size_t n, std::size_t bits) {
  return bits == 4 ? (n + 7) / 8 * 4 : bits == 6 ? (n + 3) / 4 * 3 : (n + 3) / 4 * 4;
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
