#pragma once
/// \file
/// An output beside its reference.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "cases/problem.hpp"

namespace anymetal::cases {

/// The largest error of one output.
struct Accuracy {
  unsigned index = 0;  ///< buffer index
  double error = 0;    ///< at the element where error / allowed is largest
  double allowed = 0;
  [[nodiscard]] double ratio() const { return error == 0 ? 0 : error / allowed; }
};

/// Compares an output's bytes with its reference, `slack` times its tolerance allowed. A line in `failures` where it is
/// wrong.
Accuracy compare(const Operand& operand, std::span<const std::byte> bytes, std::vector<std::string>& failures,
                 double slack = 1);

}  // namespace anymetal::cases
