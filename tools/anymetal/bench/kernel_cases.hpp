#pragma once
/// \file
/// Benchmark sizes of the kernels a model spends its time in, each reached through its op.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/context.hpp"

namespace anymetal::cli {

/// Data on the device and the recording of one run.
struct KernelRun {
  std::function<Result<void>(ops::Context&)> record;
  double bytes = 0;       ///< read and written once each, at least
  double operations = 0;  ///< floating-point; 0 where memory is what counts
};

struct KernelCase {
  std::vector<std::string> kernels;  ///< names the op may choose, depending on the device
  std::string shape;                 ///< for a person
  std::function<Result<KernelRun>(Device&)> prepare;
};

std::span<const KernelCase> kernel_cases();
/// The case that measures this kernel; nullptr where there is none.
const KernelCase* find_kernel_case(std::string_view kernel);

}  // namespace anymetal::cli
