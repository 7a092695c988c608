#pragma once
/// \file
/// Block formats spelt out element by element, written from their description alone: the check on every kernel's
/// decoder.

#include <cstddef>
#include <span>

#include "model/tensor_type.hpp"

namespace anymetal::test {

/// Numbers of one row. Knows F32, F16, Q5_0, Q8_0, Q4_K and Q6_K; `row.size()` is a multiple of the block size.
void dequantise(model::TensorType type, std::span<const std::byte> bytes, std::span<float> row);

/// Whether `dequantise` knows the format.
bool can_dequantise(model::TensorType type);

}  // namespace anymetal::test
