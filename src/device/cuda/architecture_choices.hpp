#pragma once
/// \file
/// What a kernel does on one architecture and not on another.

#include "device/cuda/nvptx_target.hpp"
#include "msl/parsed_source.hpp"

namespace anymetal::device::cuda {

/// Answers the kernel's questions about the architecture (`<anymetal_nvidia>`) and drops what the answers rule out, threadgroup
/// variables too: the reflection has their bytes afterwards. Comes before anything that depends on those.
void settle_architecture(msl::SpecialisedKernel& kernel, const Architecture& architecture);

}  // namespace anymetal::device::cuda
