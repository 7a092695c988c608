#pragma once
/// \file
/// Times a case, after its output has been checked.

#include <cstddef>
#include <vector>

#include "cases/case_list.hpp"

namespace anymetal::cases {

struct Measurement {
  double compile_seconds = 0;         ///< first request of the pipeline
  std::vector<double> seconds;        ///< of a dispatch, encoding and waiting included
  double bytes = 0;                   ///< memory traffic of one dispatch
  double flops = 0;                   ///< of one dispatch; 0 where memory is what counts
  double operations = 0;              ///< of one dispatch, as operations_of counts them; 0 where nobody counted
  std::vector<double> plain_seconds;  ///< of a run of the kernel's plain loop; empty where it has none, cannot run, or
                                      ///< the device is not the processor the loop runs on
};

/// Checks the case, then repeats its dispatch at most `runs` times within about `seconds`, three times at least. What
/// takes less than some 20 us is repeated within each of these times, dispatches after each other in one commit as
/// those of a model are. The kernel's plain loop is checked and repeated likewise. An output that is wrong is an
/// InternalError and is not timed. May compile.
[[nodiscard]] Result<Measurement> measure(const Case& test, KernelRegistry& registry, Device device, std::size_t runs,
                                          double seconds);

}  // namespace anymetal::cases
