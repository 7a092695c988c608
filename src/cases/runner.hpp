#pragma once
/// \file
/// Runs a case on a device and checks everything there is to check.

#include <string>
#include <vector>

#include "cases/case_list.hpp"

namespace anymetal::cases {

/// The largest error of one output.
struct Accuracy {
  unsigned index = 0;  ///< buffer index
  double error = 0;    ///< at the element where error / allowed is largest
  double allowed = 0;
  [[nodiscard]] double ratio() const { return error == 0 ? 0 : error / allowed; }
};

struct Outcome {
  std::vector<std::string> failures;  ///< empty: passed
  bool unsupported = false;           ///< the device lacks what the kernel needs; nothing was checked
  std::vector<Accuracy> accuracy;
  [[nodiscard]] bool passed() const { return failures.empty() && !unsupported; }
};

/// The case's kernel with its function constants. May compile.
[[nodiscard]] Result<PipelinePtr> pipeline_for(const Case& test, const Problem& problem, KernelRegistry& registry,
                                               const Device& device);

/// Runs the case twice: aligned, then with every buffer at the worst legal alignment. Checks outputs against their
/// references, guard bytes around every buffer, that inputs stay, and that both runs give the same bits.
[[nodiscard]] Outcome run(const Case& test, KernelRegistry& registry, const Device& device, std::uint64_t seed = 0);

}  // namespace anymetal::cases
