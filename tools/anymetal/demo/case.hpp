#pragma once
/// \file
/// One kernel of the demonstration.

#include <anymetal/anymetal.hpp>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace anymetal::cli {

/// A dispatch with its data on the device, and what the host expects of it.
struct DemoRun {
  std::function<void(CommandEncoder&)> encode;  ///< sets arguments and dispatches; the pipeline is set already
  std::function<Result<double>()> error;        ///< largest difference from the host's own result
  double amount = 0;                            ///< work of one run, in `unit`s
  std::string_view unit;                        ///< "GB" or "GFLOP"
};

struct DemoCase {
  std::string_view name;
  std::string_view what;  ///< which part of the language it shows
  std::vector<FunctionConstant> constants;
  double tolerance = 0;
  Result<DemoRun> (*prepare)(Device& device);
};

/// All cases; each is an entry of the same name in examples/kernels/.
std::span<const DemoCase> demo_cases();
/// The source of a case.
std::string_view demo_source(std::string_view name);

}  // namespace anymetal::cli
