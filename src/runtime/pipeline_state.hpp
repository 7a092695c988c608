#pragma once
/// \file
/// What a ComputePipeline shares: the executable and all a dispatch is checked against.

#include "device/backend.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace anymetal::detail {

/// Thread contract: immutable.
struct PipelineState {
  std::string label;
  std::shared_ptr<device::Backend> backend;  ///< declared before the executable: the device outlives its code
  std::shared_ptr<const device::Executable> executable;
  msl::EntryReflection reflection;           ///< after specialisation
  std::string execution_path;
  std::vector<Diagnostic> warnings;
  std::size_t max_threads = 1;               ///< per threadgroup: the smaller of the kernel's and the device's limit
};

}  // namespace anymetal::detail
