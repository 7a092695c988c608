#pragma once
/// \file
/// Checks that many ops share.

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "ops/checks.hpp"
#include "ops/tensor.hpp"

namespace anymetal::ops {

/// A tensor and what messages call it.
struct Operand {
  std::string_view name;
  const Tensor& tensor;
};

/// The type is one for which there are kernels.
inline void check_kernel_for(Checks& check, DType type, std::initializer_list<DType> types) {
  check.that(std::ranges::find(types, type) != types.end(), "no kernel for {}", name(type));
}

/// All dense, of this type, and of as many elements as the first.
inline void check_alike(Checks& check, DType type, std::initializer_list<Operand> operands) {
  const Operand& first = *operands.begin();
  for (const Operand& each : operands) {
    check.dense(each.name, each.tensor, type);
    check.that(each.tensor.elements() == first.tensor.elements(), "{} is {}, {} is {}", each.name,
               each.tensor.describe(), first.name, first.tensor.describe());
  }
  check.fits_32_bits("number of elements", first.tensor.elements());
}

/// Of this type, dense and with `count` elements, one for each of the `things`.
inline void check_count(Checks& check, DType type, const Operand& operand, std::size_t count, std::string_view things) {
  check.dense(operand.name, operand.tensor, type);
  check.that(operand.tensor.elements() == count, "{} has {} elements, {} {}", operand.name, operand.tensor.elements(),
             things, count);
}

/// Of this type, dense and exactly of this shape.
inline void check_shape(Checks& check, DType type, const Operand& operand, std::initializer_list<std::size_t> shape) {
  check.dense(operand.name, operand.tensor, type);
  const bool same =
      operand.tensor.rank == shape.size() && std::equal(shape.begin(), shape.end(), operand.tensor.shape.begin());
  check.that(same, "{} is {}, must be [{}]", operand.name, operand.tensor.describe(), fmt::format("{}", fmt::join(shape, ", ")));
}

/// A row length that a kernel takes as a float.
inline void check_float_row(Checks& check, std::size_t columns) {
  check.that(columns <= 1u << 24, "row of {} elements is too long", columns);
}

}  // namespace anymetal::ops
