#pragma once
/// \file
/// One block of a quantised format on the host, in float64. Layouts: ggml / llama.cpp.

#include <cstddef>
#include <span>
#include <vector>

#include "ops/dtype.hpp"

namespace anymetal::cases {

/// Appends the block's values to `out`. `bytes` is one whole block.
void decode_block(ops::DType type, std::span<const std::byte> bytes, std::vector<double>& out);

/// Appends a block that approximates `values`: scales fitted to the range, no further search.
void encode_block(ops::DType type, std::span<const double> values, std::vector<std::byte>& out);

}  // namespace anymetal::cases
