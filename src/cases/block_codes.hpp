#pragma once
/// \file
/// Weights that show every code of a block format, for cases that hold a kernel's decoder against the host's.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/dtype.hpp"

namespace anymetal::cases {

/// Which f16 scales and minima the blocks have. Moderate: either sign, zeros of either sign, subnormals, and no weight
/// beyond f16. Any: also the largest f16, infinities and NaN.
enum class Scales : std::uint8_t { Moderate, Any };

/// kCodeBlocks blocks of the format. In the first 256 every byte takes every value, so that each element has every
/// code, and each sub-block every scale and minimum. The other 16 have infinite and NaN scales where any are asked for:
/// there all codes are alike, so that sums with positive numbers are infinite however they are factored.
[[nodiscard]] std::vector<std::byte> every_code(ops::DType type, Scales scales);
inline constexpr std::size_t kCodeBlocks = 272;

/// n numbers in [0.5, 1.5).
[[nodiscard]] std::vector<double> positive(std::size_t n);

/// Activations that give a product's weights back: n rows of n elements, a one in each.
[[nodiscard]] std::vector<double> identity(std::size_t n);

}  // namespace anymetal::cases
