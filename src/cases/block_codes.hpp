#pragma once
/// \file
/// Weights that show every code of a block format, for cases that hold a kernel's decoder against the host's.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/dtype.hpp"

namespace anymetal::cases {

/// Every format of blocks.
inline constexpr std::array kBlockFormats = {ops::DType::Q4_0, ops::DType::Q4_1, ops::DType::Q5_0,   ops::DType::Q5_1,
                                             ops::DType::Q8_0, ops::DType::Q2_K, ops::DType::Q3_K,   ops::DType::Q4_K,
                                             ops::DType::Q5_K, ops::DType::Q6_K, ops::DType::IQ4_NL, ops::DType::IQ4_XS,
                                             ops::DType::MXFP4};

/// Which f16 scales and minima the blocks have. Moderate: either sign, zeros of either sign, subnormals, and no weight
/// beyond f16. Any: also the largest f16, infinities and NaN.
enum class Scales : std::uint8_t { Moderate, Any };

/// kCodeBlocks blocks of the format. In the first 256 every byte takes every value, so that each element has every
/// code, and each sub-block every scale and minimum. The other 16 have infinite and NaN scales where any are asked for:
/// there all codes are alike, so that sums with positive numbers are infinite however they are factored.
[[nodiscard]] std::vector<std::byte> every_code(ops::DType type, Scales scales);
inline constexpr std::size_t kCodeBlocks = 272;

/// 256 rows of so many blocks, in each of which all bytes are alike but f16 scales and MXFP4's, which are 1, and
/// minima: 16 where they are added, -0.1 where they are subtracted, so that no weight is the small difference of large
/// terms, nor of a code less the middle of all codes and what makes up for that.
[[nodiscard]] std::vector<std::byte> equal_bytes(ops::DType type, std::size_t blocks);

/// n numbers in [0.5, 1.5).
[[nodiscard]] std::vector<double> positive(std::size_t n);

/// Activations that give a product's weights back: n rows of n elements, a one in each.
[[nodiscard]] std::vector<double> identity(std::size_t n);

}  // namespace anymetal::cases
