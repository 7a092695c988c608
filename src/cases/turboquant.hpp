#pragma once
/// \file
/// TurboQuant in float64, from its definition: signs, Walsh-Hadamard matrix, norms of blocks, nearest centroid.

#include <cstddef>
#include <span>
#include <vector>

namespace anymetal::cases {

inline constexpr std::size_t kTurboBlock = 256;  ///< elements that share a norm

/// Error of a scaled value in f32, for each unit of what its block was scaled to: nearer to a boundary than that, a
/// code may fall on its other side.
inline constexpr double kTurboSlack = 1.2e-6;

/// -1 or 1: what the rotation multiplies element j by.
[[nodiscard]] double turbo_sign(std::size_t j);
/// The product with the normalised Walsh-Hadamard matrix, (-1)^popcount(k & j) / sqrt(n). Its own inverse.
[[nodiscard]] std::vector<double> hadamard(std::span<const double> x);
/// The signs, then the transform; and back.
[[nodiscard]] std::vector<double> turbo_rotate(std::span<const double> x);
[[nodiscard]] std::vector<double> turbo_unrotate(std::span<const double> y);
/// Value of a code of 4, 5, 6 or 8 bits; bits above the width do not count.
[[nodiscard]] double turbo_centroid(std::size_t code, std::size_t bits);

/// One head as a cache keeps it. Elements each have a code; the scaled value it stands for; and how far that is from
/// the nearest boundary between two codes.
struct TurboHead {
  std::vector<double> codes, norms, scaled, distances;
};
[[nodiscard]] TurboHead turbo_encode(std::span<const double> x, std::size_t bits, double scale);

/// Rotated values of one head from its codes and norms.
[[nodiscard]] std::vector<double> turbo_decode(std::span<const double> codes, std::span<const double> norms,
                                               std::size_t bits, double scale);

}  // namespace anymetal::cases
