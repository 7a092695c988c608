#pragma once
/// \file
/// Specialised kernel in, PTX text out.

#include <anymetal/error.hpp>

#include "device/cuda/launched_threadgroups.hpp"
#include "device/cuda/nvptx_target.hpp"
#include "device/cuda/parameter_layout.hpp"
#include "msl/parsed_source.hpp"

#include <string>
#include <string_view>

namespace anymetal::device::cuda {

struct PtxKernel {
  std::string ptx;
  std::string symbol;
  LaunchedThreadgroups threadgroups;
};

/// Lowers, optimises and prints one kernel. `label` becomes the kernel's name, as far as PTX identifiers allow, so that
/// profilers show it. May take a second for large kernels. Thread contract: safe from any thread.
Result<PtxKernel> generate_ptx(msl::SpecialisedKernel kernel, const Architecture& architecture, std::string_view label,
                               ConstantPassing passing = ConstantPassing::ByValue);

}  // namespace anymetal::device::cuda
