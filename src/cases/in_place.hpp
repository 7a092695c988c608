#pragma once
/// \file
/// Operands of kernels whose output may be one of their inputs.

#include "cases/problem.hpp"

namespace anymetal::cases {

/// An input at `from` and an output at `to`, or in place one buffer for both; `x` becomes what the kernel reads.
[[nodiscard]] inline Problem::Handle input_and_output(Problem& p, unsigned from, unsigned to, DType type, std::size_t n,
                                                      const Fill& fill, bool in_place, Problem::Values& x) {
  if (!in_place) {
    x = p.input(from, type, n, fill);
    return p.output(to, type, n);
  }
  const auto y = p.inout(to, type, n, fill, x);
  p.alias(y, from);
  return y;
}

}  // namespace anymetal::cases
