#pragma once
/// \file
/// Times a case, after its output has been checked.

#include "cases/case_list.hpp"

#include <cstddef>

namespace anymetal::cases {

struct Timing {
  double median_seconds = 0;  ///< of one dispatch
  double fastest_seconds = 0;
  double slowest_seconds = 0;
  std::size_t runs = 0;
  double bytes = 0;  ///< memory traffic of one dispatch
  double flops = 0;  ///< 0 where memory is what counts
};

/// Checks the case, then repeats its dispatch for about `seconds`. An output that is wrong is an InternalError and is not
/// timed. May compile.
[[nodiscard]] Result<Timing> time(const Case& test, KernelRegistry& registry, Device device, double seconds = 0.5);

}  // namespace anymetal::cases
